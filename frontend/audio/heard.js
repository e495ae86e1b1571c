// @ts-check
/**
 * From samples rendered to samples heard: what is rendered now leaves the loudspeaker a little later. Knows nothing
 * of sockets or the audio graph.
 */

/** @typedef {import("./jitter-buffer.js").Position} Position */

export const REPORT_EVERY_S = 0.2;

export class HeardPositions {
  constructor() {
    /** @type {{position: Position, heardAt: number}[]} */
    this._coming = [];
    this._reportedAt = -Infinity;
  }

  /** `position` is heard at `heardAt`, in seconds. @param {Position} position @param {number} heardAt */
  note(position, heardAt) {
    this._coming.push({ position, heardAt });
  }

  /**
   * What has been heard by `now` and was not reported yet, the newest of each reply; nothing more often than every
   * `REPORT_EVERY_S`.
   * @param {number} now
   */
  due(now) {
    return now - this._reportedAt < REPORT_EVERY_S ? [] : this.report(now);
  }

  /**
   * The same, at once. With `now` = Infinity, all that has been rendered: after a stop, what the device holds is
   * still heard.
   * @param {number} now
   * @returns {Position[]}
   */
  report(now) {
    /** @type {Map<string, Position>} */
    const newest = new Map();
    for (const { position, heardAt } of this._coming) {
      if (heardAt <= now) newest.set(`${position.turn}:${position.reply}`, position);
    }
    this._coming = this._coming.filter(({ heardAt }) => heardAt > now);
    if (newest.size > 0 && Number.isFinite(now)) this._reportedAt = now;
    return [...newest.values()];
  }

  /** Forget what was rendered. */
  clear() {
    this._coming = [];
  }
}
