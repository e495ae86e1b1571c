// @ts-check
/** Keeps the screen on while it is wanted. Browsers let go of it whenever the page is hidden. */

export class WakeLock {
  constructor() {
    this._wanted = false;
    this._asking = false;
    /** @type {WakeLockSentinel | null} */
    this._lock = null;
    document.addEventListener("visibilitychange", () => this._settle());
  }

  /** @param {boolean} wanted */
  hold(wanted) {
    if (wanted === this._wanted) return;
    this._wanted = wanted;
    void this._settle();
  }

  async _settle() {
    if (this._asking) return;
    if (!this._wanted) {
      void this._lock?.release();
      this._lock = null;
    } else if (!document.hidden && (this._lock === null || this._lock.released)) {
      this._lock = await this._ask();
      if (!this._wanted) void this._settle();
    }
  }

  /** @returns {Promise<WakeLockSentinel | null>} `null` where there is none, or the battery is low */
  async _ask() {
    this._asking = true;
    try {
      return (await navigator.wakeLock?.request("screen")) ?? null;
    } catch {
      return null;
    } finally {
      this._asking = false;
    }
  }
}
