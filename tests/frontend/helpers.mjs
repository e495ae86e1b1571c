/** Makes the inputs that several tests need. */

import { ENDS_MESSAGE, ENDS_SENTENCE, HEADER_BYTES, KIND_AUDIO } from "../../frontend/audio/frames.js";

/** A frame of constant samples, for the jitter buffer. */
export function frame({ turn = 1, reply = 0, firstSample = 0, length = 480, value = 0.5, ...flags } = {}) {
  const samples = new Float32Array(length).fill(value);
  return {
    turn,
    reply,
    firstSample,
    samples,
    sentence: 0,
    chunk: 0,
    endsSentence: false,
    endsMessage: false,
    ...flags,
  };
}

/** A binary message as the server sends it. */
export function message({
  kind = KIND_AUDIO,
  flags = 0,
  reply = 0,
  sentence = 0,
  chunk = 0,
  turn = 1,
  first = 0,
  pcm = [],
}) {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES + 2 * pcm.length));
  view.setUint8(0, kind);
  view.setUint8(1, flags);
  view.setUint16(2, reply, true);
  view.setUint16(4, sentence, true);
  view.setUint16(6, chunk, true);
  view.setUint32(8, turn, true);
  view.setUint32(12, first, true);
  pcm.forEach((sample, i) => view.setInt16(HEADER_BYTES + 2 * i, sample, true));
  return view.buffer;
}

export const BOTH_ENDS = ENDS_SENTENCE | ENDS_MESSAGE;

export function sine(hz, rateHz, length) {
  return Float32Array.from({ length }, (_, i) => Math.sin((2 * Math.PI * hz * i) / rateHz));
}

/** Root mean square, without the first and last part, where a filter runs in and out. */
export function rms(samples, margin = 200) {
  const middle = samples.slice(margin, -margin);
  return Math.sqrt(middle.reduce((sum, x) => sum + x * x, 0) / middle.length);
}
