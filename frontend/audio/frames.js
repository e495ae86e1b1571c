// @ts-check
/** Binary audio frames: a 16-byte little-endian header, then PCM16LE mono. Knows nothing of sockets or playing. */

export const HEADER_BYTES = 16;
export const KIND_AUDIO = 1;
export const ENDS_SENTENCE = 1;
export const ENDS_MESSAGE = 2;

/**
 * One frame of a reply's audio.
 * @typedef {object} AudioFrame
 * @property {number} turn counts from 1
 * @property {number} reply counts from 0 within the turn
 * @property {number} sentence
 * @property {number} chunk
 * @property {number} firstSample index within the reply of the first sample
 * @property {boolean} endsSentence
 * @property {boolean} endsMessage
 * @property {Float32Array} samples -1 to 1; may be empty
 */

/**
 * The frame in a binary message; `null` for anything that is not whole audio of a kind known here.
 * @param {ArrayBuffer} message
 * @returns {AudioFrame | null}
 */
export function parseFrame(message) {
  const pcmBytes = message.byteLength - HEADER_BYTES;
  if (pcmBytes < 0 || pcmBytes % 2 !== 0) return null;
  const view = new DataView(message);
  if (view.getUint8(0) !== KIND_AUDIO) return null;
  const flags = view.getUint8(1);
  const samples = new Float32Array(pcmBytes / 2);
  for (let i = 0; i < samples.length; i += 1) samples[i] = view.getInt16(HEADER_BYTES + 2 * i, true) / 32768;
  return {
    reply: view.getUint16(2, true),
    sentence: view.getUint16(4, true),
    chunk: view.getUint16(6, true),
    turn: view.getUint32(8, true),
    firstSample: view.getUint32(12, true),
    endsSentence: (flags & ENDS_SENTENCE) !== 0,
    endsMessage: (flags & ENDS_MESSAGE) !== 0,
    samples,
  };
}
