// @ts-check
/** A jitter buffer drained at the device's rate, block by block. Knows nothing of the audio graph. */

import { JitterBuffer } from "./jitter-buffer.js";
import { Resampler } from "./resampler.js";

const PULL_SAMPLES = 32; // the reported position runs at most this far ahead of what is rendered

export class Renderer {
  /** @param {number} rateHz of the received audio @param {number} deviceHz */
  constructor(rateHz, deviceHz) {
    this.rateHz = rateHz;
    this.buffer = new JitterBuffer(rateHz);
    this._resampler = new Resampler(rateHz, deviceHz);
    this._pulled = new Float32Array(PULL_SAMPLES);
    /** @type {Float32Array} resampled, not yet rendered */
    this._left = new Float32Array(0);
  }

  /** Fill `output` with what comes next. @param {Float32Array} output */
  render(output) {
    let filled = this._take(output, 0);
    while (filled < output.length) {
      this.buffer.read(this._pulled);
      this._left = this._resampler.process(this._pulled);
      filled = this._take(output, filled);
    }
  }

  /** @param {Float32Array} output @param {number} filled */
  _take(output, filled) {
    const used = Math.min(this._left.length, output.length - filled);
    output.set(this._left.subarray(0, used), filled);
    this._left = this._left.subarray(used);
    return filled + used;
  }
}
