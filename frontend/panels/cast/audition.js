// @ts-check
/// <reference path="../../types.d.ts" />
/** Plays one thing at a time to be listened to: a voice, or a recording. The button that began it ends it. */

import { setText } from "../../view/dom.js";

export class Audition {
  /** @param {import("../../preferences.js").StoredPreferences} preferences */
  constructor(preferences) {
    this._preferences = preferences;
    this._audio = new Audio();
    this._audio.addEventListener("ended", () => this.stop());
    /** @type {HTMLButtonElement | null} */
    this._button = null;
    this._fetching = new AbortController();
  }

  /**
   * Call it inside a click.
   * @param {HTMLButtonElement} button says "Listen", and "Stop" meanwhile
   * @param {(signal: AbortSignal) => Promise<Blob>} fetched what is to be heard
   * @returns {Promise<void>} settled when it sounds; rejected when it cannot be had
   */
  async toggle(button, fetched) {
    const again = this._button === button;
    this.stop();
    if (again) return;
    this._audio.load(); // browsers let an element sound later that was loaded inside a click
    this._button = button;
    setText(button, "Stop");
    button.setAttribute("aria-busy", "true");
    const { signal } = (this._fetching = new AbortController());
    try {
      const sound = await fetched(signal);
      if (signal.aborted) return;
      this._audio.src = URL.createObjectURL(sound);
      const { volume, loudspeaker } = this._preferences.value;
      this._audio.volume = volume;
      if ("setSinkId" in this._audio) await this._audio.setSinkId(loudspeaker).catch(() => {});
      await this._audio.play();
      button.removeAttribute("aria-busy");
    } catch (error) {
      if (signal.aborted) return;
      this.stop();
      throw error;
    }
  }

  stop() {
    this._fetching.abort();
    this._audio.pause();
    if (this._audio.src) {
      URL.revokeObjectURL(this._audio.src);
      this._audio.removeAttribute("src");
    }
    if (!this._button) return;
    setText(this._button, "Listen");
    this._button.removeAttribute("aria-busy");
    this._button = null;
  }
}
