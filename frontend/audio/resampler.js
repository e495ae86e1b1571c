// @ts-check
/**
 * Streaming sample-rate conversion by a windowed sinc, one filter per output phase. Output sample 0 falls on input
 * sample 0, and cutting the input into other blocks never changes the output. Knows nothing of devices or formats.
 */

const ZERO_CROSSINGS = 16;
const ROLL_OFF = 0.92; // leaves the filter room to fall off below the lower of the two Nyquist frequencies
const KAISER_BETA = 8; // about 80 dB of stop band

export class Resampler {
  /**
   * @param {number} inputHz whole number
   * @param {number} outputHz whole number
   */
  constructor(inputHz, outputHz) {
    const divisor = greatestCommonDivisor(inputHz, outputHz);
    this._up = outputHz / divisor;
    this._down = inputHz / divisor;
    const lower = Math.min(1, outputHz / inputHz);
    this._half = Math.ceil(ZERO_CROSSINGS / lower);
    this._phases = inputHz === outputHz ? null : designPhases(this._up, this._half, lower * ROLL_OFF);
    /** Input not yet used up; begins `half - 1` samples before the next output's input position. */
    this._pending = new Float32Array(this._half - 1);
    this._phase = 0;
  }

  /**
   * As much output as the input so far allows.
   * @param {Float32Array} input
   * @returns {Float32Array}
   */
  process(input) {
    if (this._phases === null) return input.slice();
    const samples = concatenate(this._pending, input);
    const taps = 2 * this._half;
    const output = new Float32Array(Math.ceil((Math.max(0, samples.length - taps + 1) * this._up) / this._down) + 1);
    let written = 0;
    let start = 0;
    while (start + taps <= samples.length) {
      const filter = this._phases[this._phase];
      let sum = 0;
      for (let tap = 0; tap < taps; tap += 1) sum += samples[start + tap] * filter[tap];
      output[written] = sum;
      written += 1;
      this._phase += this._down;
      start += Math.floor(this._phase / this._up);
      this._phase %= this._up;
    }
    // A step is shorter than a filter, so `start` never passes the end of the input.
    this._pending = samples.slice(start);
    return output.subarray(0, written);
  }
}

/**
 * `phases[p][tap]` weighs the input sample `tap - half + 1` away from the one at or before the output, which lies
 * `p / up` of a sample after it.
 * @param {number} up
 * @param {number} half
 * @param {number} cutoff as a share of the input's Nyquist frequency
 */
function designPhases(up, half, cutoff) {
  return Array.from({ length: up }, (_, phase) => {
    const filter = new Float32Array(2 * half);
    let sum = 0;
    for (let tap = 0; tap < filter.length; tap += 1) {
      const distance = tap - half + 1 - phase / up;
      filter[tap] = cutoff * sinc(cutoff * distance) * kaiser(distance / half);
      sum += filter[tap];
    }
    return filter.map((weight) => weight / sum);
  });
}

/** @param {number} x */
function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** @param {number} x -1 to 1 across the window */
function kaiser(x) {
  return Math.abs(x) > 1 ? 0 : bessel(KAISER_BETA * Math.sqrt(1 - x * x)) / bessel(KAISER_BETA);
}

/** Modified Bessel function of the first kind, order zero. @param {number} x */
function bessel(x) {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** @param {number} a @param {number} b @returns {number} */
function greatestCommonDivisor(a, b) {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** @param {Float32Array} first @param {Float32Array} second */
function concatenate(first, second) {
  const joined = new Float32Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
