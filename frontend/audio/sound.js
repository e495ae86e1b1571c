// @ts-check
/// <reference path="../types.d.ts" />
/** The page's sound in one place: player, microphone, devices, and the screen kept on meanwhile. */

import { listDevices } from "./devices.js";
import { Microphone } from "./microphone.js";
import { Player } from "./player.js";
import { WakeLock } from "./wake-lock.js";

/** @typedef {import("./player.js").PlayerListeners & import("./microphone.js").MicrophoneListeners} SoundListeners */

export class Sound {
  /** @param {SoundListeners} listeners */
  constructor(listeners) {
    /** Told when a device has come, gone, or may now be named. @type {(() => void) | null} */
    this.onDevices = null;
    this._wakeLock = new WakeLock();
    this._microphoneOn = false;
    this._heard = false;
    this._player = new Player({
      ...listeners,
      onHeard: (position, level) => {
        this._heard = position !== null;
        this._stayAwake();
        listeners.onHeard(position, level);
      },
    });
    this._microphone = new Microphone({
      ...listeners,
      onMicrophoneStatus: (status) => {
        this._microphoneOn = status === "on" || status === "muted";
        this._stayAwake();
        this._player.keep(this._microphoneOn);
        listeners.onMicrophoneStatus(status);
        if (status === "on") this._devicesChanged(); // browsers name them from now on
      },
    });
    navigator.mediaDevices?.addEventListener("devicechange", () => this._devicesChanged());
    document.addEventListener("visibilitychange", () => document.hidden || this._player.resume());
  }

  /** Make sound possible. Call it inside a click, key press or submit, before anything is awaited. */
  unlock() {
    this._player.unlock();
  }

  /** @param {PlayerMessage} message */
  play(message) {
    this._player.play(message);
  }

  /** Fall silent now and say how far each reply was heard. @param {number} turn */
  stop(turn) {
    this._player.stop(turn);
  }

  /** Lower the voices to `gain`, or bring them back to 1; at 0 they wait. @param {number} gain */
  duck(gain) {
    this._player.duck(gain);
  }

  /** @param {number} volume 0 to 1 */
  setVolume(volume) {
    this._player.setVolume(volume);
  }

  get canChooseLoudspeaker() {
    return "AudioContext" in globalThis && "setSinkId" in AudioContext.prototype;
  }

  /** @param {string} deviceId empty: the system's choice, as also while that device is not there */
  async setLoudspeaker(deviceId) {
    await this._player.setLoudspeaker(deviceId);
  }

  /**
   * Ask for the microphone and send what it hears; one that is open gives way. Call it inside a click.
   * @param {string} deviceId empty: the system's choice, as also when that device is gone
   */
  async openMicrophone(deviceId = "") {
    await this._microphone.open(deviceId, this._player.unlock());
  }

  /** Let go of the microphone, so that the browser shows it as free. */
  closeMicrophone() {
    this._microphone.close();
  }

  /** The devices to choose from; none until the microphone has been allowed. */
  devices() {
    return listDevices();
  }

  _devicesChanged() {
    void this._player.route();
    this.onDevices?.();
  }

  _stayAwake() {
    this._wakeLock.hold(this._microphoneOn || this._heard);
  }
}
