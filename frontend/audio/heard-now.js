// @ts-check
/**
 * What is being heard at this moment, for the eye: what was rendered is noted with the time at which it leaves the
 * loudspeaker, and asked for as often as the display is drawn. Knows nothing of sockets or the audio graph.
 */

/** @typedef {import("./jitter-buffer.js").Position} Position */
/** @typedef {{position: Position | null, level: number}} Heard `null`, 0: nothing is heard */

/** @type {Heard} */
const SILENCE = { position: null, level: 0 };
const MOST = 250; // five seconds; while the page is hidden nobody asks

export class HeardNow {
  constructor() {
    /** @type {(Heard & {heardAt: number})[]} */
    this._coming = [];
    this._heard = SILENCE;
  }

  /** This is heard from `heardAt` on, in seconds. @param {Heard} heard @param {number} heardAt */
  note({ position, level }, heardAt) {
    this._coming.push({ position, level, heardAt });
    if (this._coming.length > MOST) this._coming.shift();
  }

  /** What is heard at `now`. @param {number} now @returns {Heard} */
  at(now) {
    while (this._coming.length > 0 && this._coming[0].heardAt <= now) {
      const { position, level } = this._coming[0];
      this._heard = { position, level };
      this._coming.shift();
    }
    return this._heard;
  }

  /** True when nothing is heard, and nothing is about to be. */
  get silent() {
    return this._heard.position === null && this._coming.length === 0;
  }

  /** Forget what was rendered. */
  clear() {
    this._coming = [];
    this._heard = SILENCE;
  }
}
