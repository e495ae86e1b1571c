// @ts-check
/** Microphone samples at the device's rate -> frames of 20 ms PCM16 at 16 kHz. Knows nothing of the audio graph. */

import { perceivedLevel } from "./level.js";
import { Resampler } from "./resampler.js";

export const CAPTURE_HZ = 16000;
export const FRAME_SAMPLES = CAPTURE_HZ / 50;

export class FrameCutter {
  /** @param {number} deviceHz */
  constructor(deviceHz) {
    this._resampler = new Resampler(deviceHz, CAPTURE_HZ);
    this._frame = new Int16Array(FRAME_SAMPLES);
    this._filled = 0;
  }

  /**
   * The frames that `input` completes.
   * @param {Float32Array} input
   * @returns {Int16Array[]}
   */
  push(input) {
    const frames = [];
    for (const sample of this._resampler.process(input)) {
      this._frame[this._filled] = toPcm16(sample);
      this._filled += 1;
      if (this._filled === FRAME_SAMPLES) {
        frames.push(this._frame);
        this._frame = new Int16Array(FRAME_SAMPLES);
        this._filled = 0;
      }
    }
    return frames;
  }
}

/** Louder than full scale stays at full scale. @param {number} sample */
export function toPcm16(sample) {
  return Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
}

/** How loud a frame is, 0 to 1, on a scale where quiet speech is already visible. @param {Int16Array} frame */
export function loudness(frame) {
  let energy = 0;
  for (const sample of frame) energy += sample * sample;
  return perceivedLevel(energy / frame.length / 32768 ** 2);
}
