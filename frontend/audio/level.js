// @ts-check
/** How loud sound is, on a scale for the eye. Knows nothing of where it comes from. */

const QUIETEST_DB = -60;
const LOUDEST_DB = -15; // speech seldom is louder on average

/**
 * 0 to 1, on a scale where quiet speech is already visible.
 * @param {number} power mean square of samples that reach from -1 to 1
 */
export function perceivedLevel(power) {
  const decibels = 10 * Math.log10(power + 1e-12);
  return Math.max(0, Math.min(1, (decibels - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB)));
}

export class PowerMeter {
  constructor() {
    this._energy = 0;
    this._samples = 0;
  }

  /** @param {Float32Array} samples -1 to 1 */
  add(samples) {
    for (const sample of samples) this._energy += sample * sample;
    this._samples += samples.length;
  }

  /** Mean square of what was added since the last call. */
  take() {
    const power = this._samples > 0 ? this._energy / this._samples : 0;
    this._energy = this._samples = 0;
    return power;
  }
}
