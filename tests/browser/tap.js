/** Whatever a page connects to its loudspeaker is also connected to a recording: `loudspeaker` has its samples. */
if (self === top) {
  const AUDIBLE = 0.01;
  const loudspeaker = { rateHz: 0, chunks: [], quietSamples: Infinity, audibleSamples: 0 };
  window.loudspeaker = loudspeaker;
  const recordings = new WeakMap();
  const { addModule } = Worklet.prototype;
  const { connect } = AudioNode.prototype;

  function take(chunk) {
    loudspeaker.chunks.push(chunk);
    const last = chunk.findLastIndex((sample) => Math.abs(sample) > AUDIBLE);
    loudspeaker.quietSamples = last < 0 ? loudspeaker.quietSamples + chunk.length : chunk.length - 1 - last;
    if (last >= 0) loudspeaker.audibleSamples += chunk.length;
  }

  function recordingOf(context) {
    if (!recordings.has(context)) {
      const node = new AudioWorkletNode(context, "recording", { channelCount: 1, channelCountMode: "explicit" });
      node.port.onmessage = ({ data }) => take(data);
      connect.call(node, context.destination);
      loudspeaker.rateHz = context.sampleRate;
      recordings.set(context, node);
    }
    return recordings.get(context);
  }

  Worklet.prototype.addModule = async function (...rest) {
    await addModule.call(this, "/recording-worklet.js");
    return addModule.apply(this, rest);
  };
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) connect.call(this, recordingOf(target.context));
    return connect.call(this, target, ...rest);
  };
}
