// @ts-check
/// <reference path="../types.d.ts" />
/**
 * What the player does with its messages: frames wait in a jitter buffer, which is drained at the device's rate,
 * block by block. Knows nothing of the audio graph.
 */

import { JitterBuffer } from "./jitter-buffer.js";
import { Resampler } from "./resampler.js";

const PULL_SAMPLES = 32; // the reported position runs at most this far ahead of what is rendered
const FIRST_RATE_HZ = 24000;

export class Renderer {
  /** @param {number} deviceHz */
  constructor(deviceHz) {
    this._deviceHz = deviceHz;
    /** Of the turn being played. */
    this._rateHz = FIRST_RATE_HZ;
    /** Of the turns to come. */
    this._comingHz = FIRST_RATE_HZ;
    this.buffer = new JitterBuffer(FIRST_RATE_HZ);
    this._resampler = new Resampler(FIRST_RATE_HZ, deviceHz);
    this._pulled = new Float32Array(PULL_SAMPLES);
    /** @type {Float32Array} resampled, not yet rendered */
    this._left = new Float32Array(0);
  }

  /** @param {PlayerMessage} message */
  take(message) {
    switch (message.type) {
      case "rate":
        this._comingHz = message.rateHz;
        break;
      case "frame":
        this._advance(message.frame.turn);
        this.buffer.push(message.frame);
        break;
      case "advance":
        this._advance(message.turn);
        break;
      case "flush":
        this.buffer.flush(message.turn);
        break;
      case "hold":
        this.buffer.hold(message.held);
        break;
      case "reset":
        this.buffer.reset();
        break;
    }
  }

  /** Fill `output` with what comes next. @param {Float32Array} output */
  render(output) {
    let filled = this._use(output, 0);
    while (filled < output.length) {
      this._left = this._pull();
      filled = this._use(output, filled);
    }
  }

  /** The rate changes between turns: a turn keeps the one it began with. @param {number} turn */
  _advance(turn) {
    if (turn <= this.buffer.turn) return;
    this.buffer.advance(turn);
    if (this._comingHz === this._rateHz) return;
    if (this.buffer.busy) this._left = join([this._left, ...this._rest()]);
    this._rateHz = this._comingHz;
    this.buffer.setRate(this._rateHz);
    this._resampler = new Resampler(this._rateHz, this._deviceHz);
  }

  /** The fade of what was cut, and what the filter still holds: it sounds at its own rate. */
  _rest() {
    const parts = [];
    while (this.buffer.busy) parts.push(this._pull());
    parts.push(this._resampler.process(new Float32Array(PULL_SAMPLES)));
    return parts;
  }

  _pull() {
    this.buffer.read(this._pulled);
    return this._resampler.process(this._pulled);
  }

  /** @param {Float32Array} output @param {number} filled */
  _use(output, filled) {
    const used = Math.min(this._left.length, output.length - filled);
    output.set(this._left.subarray(0, used), filled);
    this._left = this._left.subarray(used);
    return filled + used;
  }
}

/** @param {Float32Array[]} parts */
function join(parts) {
  const joined = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let end = 0;
  for (const part of parts) {
    joined.set(part, end);
    end += part.length;
  }
  return joined;
}
