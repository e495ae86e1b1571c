// @ts-check
/// <reference path="../types.d.ts" />
/**
 * The microphone and the player around one AudioContext. The context is created inside a gesture of the person, for
 * browsers let no page sound before that. Knows nothing of sockets or captions.
 */

import { HeardPositions } from "./heard.js";

const DUCK_TIME_S = 0.02;
const FADED_MS = 80; // four times the above: what is cut then is 35 dB down, and does not click

/** @typedef {import("./jitter-buffer.js").Position} Position */
/**
 * @typedef {object} AudioListeners
 * @property {(frame: Int16Array<ArrayBuffer>) => void} onMicrophone 20 ms at 16 kHz
 * @property {(status: import("../model/state.js").MicrophoneStatus) => void} onMicrophoneStatus
 * @property {(position: Position) => void} onPosition what of a reply has been heard, a few times a second
 * @property {(position: Position | null, level: number) => void} onHeard what is being heard now, and how loud, 0 to 1
 * @property {() => void} onSilent this browser cannot play here
 */

export class Sound {
  /** @param {AudioListeners} listeners */
  constructor(listeners) {
    this._listeners = listeners;
    this._heard = new HeardPositions();
    /** @type {AudioContext | null} */
    this._context = null;
    /** @type {Promise<void> | null} */
    this._loading = null;
    /** @type {GainNode | null} */
    this._gain = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._holding = undefined;
    /** @type {MessagePort | null} */
    this._player = null;
    /** @type {PlayerMessage[] | null} kept until there is a player; `null` when there will be none */
    this._early = [];
    /** @type {MediaStream | null} */
    this._stream = null;
    /** @type {{source: AudioNode, worklet: AudioWorkletNode} | null} */
    this._capture = null;
  }

  /** Make sound possible. Call it inside a click, key press or submit, before anything is awaited. */
  unlock() {
    if (this._context === null) {
      useSoundFor("playback");
      this._context = new AudioContext({ latencyHint: "interactive" });
      this._loading = this._load(this._context);
      this._loading.catch(() => this._giveUp());
    }
    if (this._context.state !== "running") void this._context.resume();
  }

  /** @param {AudioContext} context */
  async _load(context) {
    await Promise.all([
      context.audioWorklet.addModule("/audio/player-worklet.js"),
      context.audioWorklet.addModule("/audio/capture-worklet.js"),
    ]);
    const player = new AudioWorkletNode(context, "player", { numberOfInputs: 0, outputChannelCount: [1] });
    this._gain = context.createGain();
    player.connect(this._gain).connect(context.destination);
    player.port.onmessage = ({ data }) => this._rendered(data);
    this._player = player.port;
    for (const message of this._early?.splice(0) ?? []) this._player.postMessage(message);
  }

  /** Browsers have worklets only on pages served over https or from this machine. */
  _giveUp() {
    this._early = null;
    this._listeners.onSilent();
  }

  /** @param {PlayerMessage} message */
  play(message) {
    if (this._player) this._player.postMessage(message);
    else this._early?.push(message);
    if (message.type === "reset") this._heard.clear();
  }

  /** Fall silent now and say how far each reply was heard. @param {number} turn */
  stop(turn) {
    this.play({ type: "flush", turn });
    for (const position of this._heard.report(Infinity)) this._listeners.onPosition(position);
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
    if (!this._gain || !this._context) return;
    this._gain.gain.setTargetAtTime(gain, this._context.currentTime, DUCK_TIME_S);
  }

  /** @param {number} volume 0 to 1 */
  setVolume(volume) {
    this._volume = volume;
  }

  /** @param {{positions: Position[], busy: boolean, at: number}} progress */
  _rendered({ positions, busy, at }) {
    const context = /** @type {AudioContext} */ (this._context);
    const latencyS = context.outputLatency || context.baseLatency || 0;
    for (const position of positions) this._heard.note(position, at + latencyS);
    if (busy) {
      this._reportAll(this._heard.due(context.currentTime));
      if (positions.length > 0) this._listeners.onHeard(positions[positions.length - 1], 0.5);
      return;
    }
    this._listeners.onHeard(null, 0);
    setTimeout(() => this._reportAll(this._heard.report(context.currentTime)), (latencyS + 0.02) * 1000);
  }

  /** @param {Position[]} positions */
  _reportAll(positions) {
    for (const position of positions) this._listeners.onPosition(position);
  }

  /** Ask for the microphone and send what it hears. Call it inside a click. */
  async openMicrophone() {
    this.unlock();
    const context = /** @type {AudioContext} */ (this._context);
    if (!navigator.mediaDevices) return this._listeners.onMicrophoneStatus("insecure");
    this._listeners.onMicrophoneStatus("asking");
    try {
      useSoundFor("play-and-record");
      const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
      const stream = await navigator.mediaDevices.getUserMedia({ audio });
      await this._loading;
      this._attach(context, stream);
      this._listeners.onMicrophoneStatus("on");
    } catch (error) {
      useSoundFor("playback");
      this._listeners.onMicrophoneStatus(microphoneFailure(error));
    }
  }

  /** @param {AudioContext} context @param {MediaStream} stream */
  _attach(context, stream) {
    const source = context.createMediaStreamSource(stream);
    const capture = new AudioWorkletNode(context, "capture", { outputChannelCount: [1] });
    capture.port.onmessage = ({ data }) => this._listeners.onMicrophone(data);
    // Only nodes that lead to the destination are sure to run; this one's output is silence.
    source.connect(capture).connect(context.destination);
    stream.getTracks()[0].onended = () => this.closeMicrophone("lost");
    this._stream = stream;
    this._capture = { source, worklet: capture };
  }

  /** Let go of the microphone, so that the browser shows it as free. @param {"off" | "lost"} status */
  closeMicrophone(status = "off") {
    for (const track of this._stream?.getTracks() ?? []) track.stop();
    this._capture?.source.disconnect();
    this._capture?.worklet.disconnect();
    this._capture?.worklet.port.postMessage("close");
    this._stream = this._capture = null;
    useSoundFor("playback");
    this._listeners.onMicrophoneStatus(status);
  }
}

/** Without this an iPhone's silent switch also silences the characters. @param {string} type */
function useSoundFor(type) {
  if (navigator.audioSession) navigator.audioSession.type = type;
}

/** @param {unknown} error @returns {"denied" | "missing" | "failed"} */
function microphoneFailure(error) {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  return name === "NotFoundError" ? "missing" : "failed";
}
