/** Posts every sample that reaches it. */
class Recording extends AudioWorkletProcessor {
  constructor() {
    super();
    this._chunk = new Float32Array(1024);
    this._filled = 0;
  }

  process([input]) {
    const block = input[0] ?? new Float32Array(128);
    this._chunk.set(block, this._filled);
    this._filled += block.length;
    if (this._filled === this._chunk.length) {
      this.port.postMessage(this._chunk);
      this._filled = 0;
    }
    return true;
  }
}

registerProcessor("recording", Recording);
