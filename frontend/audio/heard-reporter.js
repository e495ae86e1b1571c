// @ts-check
/// <reference path="../types.d.ts" />
/**
 * Follows what the player rendered and tells what is heard of it: positions whenever the player says something, also
 * while the page is hidden, and the moment's position and level with every frame of the display.
 */

import { HeardNow } from "./heard-now.js";
import { HeardPositions } from "./heard.js";
import { perceivedLevel } from "./level.js";

/** @typedef {import("./jitter-buffer.js").Position} Position */
/**
 * @typedef {object} HeardListeners
 * @property {(position: Position) => void} onPosition what of a reply has been heard, a few times a second
 * @property {(position: Position | null, level: number) => void} onHeard what is being heard now, and how loud, 0 to 1;
 *   `null`, 0 once nothing is
 */
/** @typedef {Pick<AudioContext, "currentTime" | "state" | "baseLatency" | "outputLatency">} Clock */

const REPORTED_AFTER_S = 0.02; // timers count whole milliseconds, and the context's time moves in blocks

export class HeardReporter {
  /** @param {HeardListeners} listeners @param {Clock} clock */
  constructor(listeners, clock) {
    this._listeners = listeners;
    this._clock = clock;
    this._positions = new HeardPositions();
    this._now = new HeardNow();
    /** @type {Position | null} the newest rendered, while there is more to come */
    this._newest = null;
    this._drawing = 0;
  }

  /** @param {Rendered} rendered @param {number} gain at which it is played */
  rendered({ positions, power, busy, at }, gain) {
    const latencyS = this._clock.outputLatency || this._clock.baseLatency || 0;
    const heardAt = at + latencyS;
    for (const position of positions) this._positions.note(position, heardAt);
    this._newest = positions.at(-1) ?? this._newest;
    this._now.note({ position: this._newest, level: perceivedLevel(power * gain ** 2) }, heardAt);
    if (!busy) {
      this._newest = null;
      this._now.note({ position: null, level: 0 }, heardAt);
    }
    this.watch();
    if (busy) this._tell(this._positions.due(this._clock.currentTime));
    else setTimeout(() => this.report(this._clock.currentTime), (latencyS + REPORTED_AFTER_S) * 1000);
  }

  /** Tell what has been heard by `now` and was not told. @param {number} now */
  report(now) {
    this._tell(this._positions.report(now));
  }

  /** Tell with every frame of the display what is heard, until nothing is. */
  watch() {
    this._drawing ||= requestAnimationFrame(() => {
      this._drawing = 0;
      const running = this._clock.state === "running";
      const { position, level } = this._now.at(this._clock.currentTime);
      this._listeners.onHeard(running ? position : null, running ? level : 0);
      if (running && !this._now.silent) this.watch();
    });
  }

  /** Forget what was rendered: it was another session's. */
  clear() {
    this._positions.clear();
    this._now.clear();
    this._newest = null;
  }

  /** @param {Position[]} positions */
  _tell(positions) {
    for (const position of positions) this._listeners.onPosition(position);
  }
}
