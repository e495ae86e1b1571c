// @ts-check
/**
 * Holds received audio back just long enough to play without gaps, and knows which samples of which reply have been
 * read. Time is counted in samples at the rate of the received audio. Knows nothing of the audio graph.
 */

/** @typedef {import("./frames.js").AudioFrame} AudioFrame */
/** @typedef {{turn: number, reply: number, samples: number}} Position samples of that reply read so far */

const TARGET_S = 0.08;
const FADE_S = 0.005; // a cut without a fade clicks
const LONGEST_S = 60; // many times what the server sends ahead; beyond it, new audio is dropped

export class JitterBuffer {
  /** @param {number} rateHz rate of the received audio */
  constructor(rateHz) {
    this._target = this._fade = this._longest = 0;
    this.setRate(rateHz);
    /** @type {AudioFrame[]} */
    this._queue = [];
    /** Samples queued, less those already read. */
    this._queued = 0;
    /** Samples of the first frame that have been read. */
    this._offset = 0;
    /** Samples of time for which the first of the queue has been held back. */
    this._waited = 0;
    this._playing = false;
    this._held = false;
    this._turn = 0;
    /** Turns up to this one are over. */
    this._flushed = 0;
    /**
     * Where the audio received so far of the newest turn's replies ends.
     * @type {Map<number, number>}
     */
    this._received = new Map();
    /** @type {Position[]} */
    this._positions = [];
  }

  /** What comes from now on has this rate; nothing may be queued. @param {number} rateHz */
  setRate(rateHz) {
    this._target = Math.round(TARGET_S * rateHz);
    this._fade = Math.round(FADE_S * rateHz);
    this._longest = LONGEST_S * rateHz;
  }

  /** Another session begins, and counts its turns from 1 again. */
  reset() {
    this._cut();
    this._turn = 0;
    this._flushed = 0;
    this._received.clear();
  }

  /** The newest turn known. */
  get turn() {
    return this._turn;
  }

  /** True while there is something to play. */
  get busy() {
    return this._queued > 0;
  }

  /** True when `takePositions` has something to tell. */
  get moved() {
    return this._positions.length > 0;
  }

  /** Audio of turns older than `turn` is no longer wanted. @param {number} turn */
  advance(turn) {
    if (turn <= this._turn) return;
    this._turn = turn;
    this._received.clear();
    this._cut();
  }

  /** Everything of `turn` and before is no longer wanted. @param {number} turn */
  flush(turn) {
    this._flushed = Math.max(this._flushed, turn);
    if (this._turn <= turn) this._cut();
  }

  /** Stand still, keeping what is queued, or go on from there. @param {boolean} held */
  hold(held) {
    this._held = held;
  }

  /**
   * Queue a frame. Frames of turns that are over, and samples that have come before, are dropped.
   * @param {AudioFrame} frame
   */
  push(frame) {
    if (frame.turn < this._turn || frame.turn <= this._flushed) return;
    this.advance(frame.turn);
    const received = this._received.get(frame.reply) ?? 0;
    const repeated = Math.min(frame.samples.length, Math.max(0, received - frame.firstSample));
    const fresh = { ...frame, firstSample: frame.firstSample + repeated, samples: frame.samples.subarray(repeated) };
    if (this._queued + fresh.samples.length > this._longest) return;
    this._received.set(frame.reply, Math.max(received, frame.firstSample + frame.samples.length));
    this._queue.push(fresh);
    this._queued += fresh.samples.length;
  }

  /** Fill `output` with the next samples, or with silence where there are none. @param {Float32Array} output */
  read(output) {
    output.fill(0);
    if (this._held) return;
    if (!this._playing && !this._mayStart(output.length)) return;
    let written = 0;
    while (written < output.length && this._queue.length > 0) {
      const frame = this._queue[0];
      const part = frame.samples.subarray(this._offset, this._offset + output.length - written);
      output.set(part, written);
      written += part.length;
      this._offset += part.length;
      this._queued -= part.length;
      if (part.length > 0) this._note(frame.turn, frame.reply, frame.firstSample + this._offset);
      if (this._offset === frame.samples.length) {
        this._queue.shift();
        this._offset = 0;
      }
    }
    this._playing = this._queued > 0;
  }

  /**
   * How far each reply has been read, for those read from since the last call.
   * @returns {Position[]}
   */
  takePositions() {
    const positions = this._positions;
    this._positions = [];
    return positions;
  }

  /**
   * Playing starts when enough is queued, or nothing more of the sentence is to come, or it has been waited for
   * long enough.
   * @param {number} elapsed samples of time since the last call
   */
  _mayStart(elapsed) {
    if (this._queued === 0) return false;
    this._waited += elapsed;
    const last = this._queue[this._queue.length - 1];
    const enough = this._queued >= this._target || last.endsSentence || last.endsMessage;
    if (!enough && this._waited < this._target) return false;
    this._waited = 0;
    return true;
  }

  /** @param {number} turn @param {number} reply @param {number} samples */
  _note(turn, reply, samples) {
    const last = this._positions[this._positions.length - 1];
    if (last && last.turn === turn && last.reply === reply) last.samples = samples;
    else this._positions.push({ turn, reply, samples });
  }

  /** Drop what is queued; what is sounding fades out within its next few milliseconds. */
  _cut() {
    const frame = this._playing ? this._queue[0] : undefined;
    /** @type {Float32Array} */
    const tail = frame ? frame.samples.slice(this._offset, this._offset + this._fade) : new Float32Array(0);
    for (let i = 0; i < tail.length; i += 1) tail[i] *= 1 - (i + 1) / tail.length;
    this._queue = frame ? [{ ...frame, firstSample: frame.firstSample + this._offset, samples: tail }] : [];
    this._queued = tail.length;
    this._offset = 0;
    this._waited = 0;
    this._playing = tail.length > 0;
    this._held = false;
  }
}
