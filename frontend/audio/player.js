// @ts-check
/// <reference path="../types.d.ts" />
/**
 * The loudspeaker's side: an AudioContext with the player in it, where it sounds and how loud. The context is created
 * inside a gesture of the person, for browsers let no page sound before that. Knows nothing of the microphone,
 * sockets or captions.
 */

import { useSoundFor } from "./audio-session.js";
import { listDevices } from "./devices.js";
import { HeardReporter } from "./heard-reporter.js";

const GAIN_TIME_S = 0.02;
const FADED_MS = 80; // four times the above: what is cut then is 35 dB down, and does not click
const STARTING_MS = 500; // a context that may sound does so within this time
const MOST_EARLY = 1000; // many times what the server sends ahead

/**
 * @typedef {object} OwnListeners
 * @property {(blocked: boolean) => void} onBlocked the sound is wanted, and the browser waits for a tap
 * @property {() => void} onSilent this browser cannot play here
 */
/** @typedef {import("./heard-reporter.js").HeardListeners & OwnListeners} PlayerListeners */

export class Player {
  /** @param {PlayerListeners} listeners */
  constructor(listeners) {
    this._listeners = listeners;
    /** @type {AudioContext | null} */
    this._context = null;
    /** @type {HeardReporter | null} */
    this._reporter = null;
    /** @type {MessagePort | null} */
    this._port = null;
    /** @type {PlayerMessage[] | null} kept until there is a player; `null` when there will be none */
    this._early = [];
    /** @type {GainNode | null} */
    this._gain = null;
    this._volume = 1;
    this._ducked = 1;
    this._loudspeaker = "";
    /** There is something to hear. */
    this._busy = false;
    /** The newest turn that is not to be heard any more. */
    this._flushed = 0;
    /** The context is wanted also while there is nothing to hear. */
    this._kept = false;
    this._blocked = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._holding = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._blocking = undefined;
  }

  /**
   * The context, running if the browser lets it. Call it inside a click, key press or submit, before anything is
   * awaited.
   */
  unlock() {
    this._context ??= this._open();
    // Refused while a call or another program has the sound: the next gesture tries again.
    if (this._context.state !== "running") this._context.resume().catch(() => {});
    return this._context;
  }

  /** Go on after an interruption, where the browser wants no gesture for that. */
  resume() {
    if (this._context) this.unlock();
  }

  _open() {
    useSoundFor("playback");
    const context = new AudioContext({ latencyHint: "interactive" });
    this._reporter = new HeardReporter(this._listeners, context);
    context.addEventListener("statechange", () => this._stateChanged());
    this._load(context).catch(() => this._giveUp());
    return context;
  }

  /** @param {AudioContext} context */
  async _load(context) {
    await context.audioWorklet.addModule("/audio/player-worklet.js");
    const player = new AudioWorkletNode(context, "player", { numberOfInputs: 0, outputChannelCount: [1] });
    this._gain = context.createGain();
    this._gain.gain.value = this._volume * this._ducked;
    player.connect(this._gain).connect(context.destination);
    player.port.onmessage = ({ data }) => this._rendered(data);
    this._port = player.port;
    for (const message of this._early?.splice(0) ?? []) this._port.postMessage(message);
    void this.route();
  }

  /** Browsers have worklets only on pages served over https or from this machine. */
  _giveUp() {
    this._early = null;
    this._checkBlocked();
    this._listeners.onSilent();
  }

  /** @param {PlayerMessage} message */
  play(message) {
    if (this._port) this._port.postMessage(message);
    else if (message.type !== "frame" || (this._early?.length ?? 0) < MOST_EARLY) this._early?.push(message);
    this._follow(message);
    this._checkBlocked();
  }

  /** @param {PlayerMessage} message */
  _follow(message) {
    switch (message.type) {
      case "frame":
        this._busy ||= message.frame.samples.length > 0 && message.frame.turn > this._flushed;
        break;
      case "flush":
        this._busy = false;
        this._flushed = message.turn;
        break;
      case "reset":
        this._busy = false;
        this._flushed = 0;
        this._reporter?.clear();
        break;
    }
  }

  /** Whether somebody else needs the context to run: the microphone. @param {boolean} kept */
  keep(kept) {
    this._kept = kept;
    if (kept) this.resume();
    this._checkBlocked();
  }

  /** Fall silent now and say how far each reply was heard. @param {number} turn */
  stop(turn) {
    this.play({ type: "flush", turn });
    this._reporter?.report(Infinity);
  }

  /**
   * Lower the voices to `gain`, or bring them back to 1. At 0 they wait: what is not heard is kept, and played on
   * from there.
   * @param {number} gain
   */
  duck(gain) {
    clearTimeout(this._holding);
    if (gain === 0) this._holding = setTimeout(() => this.play({ type: "hold", held: true }), FADED_MS);
    else this.play({ type: "hold", held: false });
    this._ducked = gain;
    this._applyGain();
  }

  /** @param {number} volume 0 to 1 */
  setVolume(volume) {
    this._volume = volume;
    this._applyGain();
  }

  _applyGain() {
    if (!this._gain || !this._context) return;
    this._gain.gain.setTargetAtTime(this._volume * this._ducked, this._context.currentTime, GAIN_TIME_S);
  }

  /** @param {string} deviceId empty: the system's choice */
  async setLoudspeaker(deviceId) {
    if (deviceId === this._loudspeaker) return;
    this._loudspeaker = deviceId;
    await this.route();
  }

  /** Sound from the device that was chosen, or from the system's choice while that one is not there. */
  async route() {
    const context =
      /** @type {(AudioContext & {setSinkId?: (id: string) => Promise<void>, sinkId?: string}) | null} */ (
        this._context
      );
    if (!context?.setSinkId) return;
    const { loudspeakers } = await listDevices();
    const there = loudspeakers.some(({ id }) => id === this._loudspeaker);
    const chosen = there ? this._loudspeaker : "";
    if (chosen === context.sinkId) return;
    await context.setSinkId(chosen).catch(() => {}); // gone in between: told by the next change
  }

  /** @param {Rendered} rendered */
  _rendered(rendered) {
    this._busy = rendered.busy;
    this._reporter?.rendered(rendered, this._ducked);
    this._checkBlocked();
  }

  _stateChanged() {
    this._checkBlocked();
    this._reporter?.watch();
    if (this._context?.state === "running") this._reporter?.report(this._context.currentTime);
  }

  /** A context that is just starting, or lost the sound for a moment, is not worth a word. */
  _checkBlocked() {
    if ((this._busy || this._kept) && this._early !== null && this._context?.state !== "running") {
      this._blocking ??= setTimeout(() => this._tellBlocked(true), STARTING_MS);
    } else {
      clearTimeout(this._blocking);
      this._blocking = undefined;
      this._tellBlocked(false);
    }
  }

  /** @param {boolean} blocked */
  _tellBlocked(blocked) {
    if (blocked === this._blocked) return;
    this._blocked = blocked;
    this._listeners.onBlocked(blocked);
  }
}
