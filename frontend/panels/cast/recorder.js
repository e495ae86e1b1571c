// @ts-check
/** Records the microphone, and says ten times a second how long and how loud. Knows nothing of what is drawn. */

import { useSoundFor } from "../../audio/audio-session.js";
import { perceivedLevel } from "../../audio/level.js";

const TICK_MS = 100;

/**
 * @typedef {object} RecorderListeners
 * @property {(seconds: number, level: number) => void} onHeard level: 0 to 1, where quiet speech is already visible
 * @property {(sound: Blob) => void} onStopped
 */

/**
 * Asks for the microphone and records until it is stopped. Rejects as `getUserMedia` does; with a `NotSupportedError`
 * where browsers give no microphone.
 * @param {string} device its id; empty: the system's choice
 * @param {RecorderListeners} listeners
 * @returns {Promise<() => void>} ends the recording
 */
export async function record(device, { onHeard, onStopped }) {
  if (!navigator.mediaDevices) {
    throw new DOMException("no microphone for pages that are not secure", "NotSupportedError");
  }
  useSoundFor("play-and-record");
  // Echo cancellation and noise suppression change a voice.
  const audio = { echoCancellation: false, noiseSuppression: false, ...(device && { deviceId: device }) };
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const recorder = new MediaRecorder(stream);
  /** @type {Blob[]} */
  const parts = [];
  let begun = 0;
  recorder.onstart = () => (begun = performance.now());
  recorder.ondataavailable = ({ data }) => {
    parts.push(data);
    if (recorder.state !== "recording") return;
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    onHeard((performance.now() - begun) / 1000, perceivedLevel(power));
  };
  recorder.onstop = () => {
    for (const track of stream.getTracks()) track.stop();
    useSoundFor("playback");
    void context.close();
    onStopped(new Blob(parts, { type: recorder.mimeType }));
  };
  recorder.start(TICK_MS);
  return () => {
    if (recorder.state !== "inactive") recorder.stop();
  };
}
