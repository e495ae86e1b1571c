// @ts-check
/// <reference path="../types.d.ts" />
/**
 * The microphone: asks for it, cuts what it hears into frames, says what becomes of it. Knows nothing of playing or
 * sockets.
 */

import { useSoundFor } from "./audio-session.js";

/** @typedef {import("../model/state.js").MicrophoneStatus} MicrophoneStatus */
/**
 * @typedef {object} MicrophoneListeners
 * @property {(frame: Int16Array<ArrayBuffer>) => void} onMicrophone 20 ms at 16 kHz
 * @property {(status: MicrophoneStatus) => void} onMicrophoneStatus
 */

export class Microphone {
  /** @param {MicrophoneListeners} listeners */
  constructor(listeners) {
    this._listeners = listeners;
    /** @type {object | null} the newest opening; another open or close takes its place */
    this._opening = null;
    /** Ends the capture there is. @type {(() => void) | null} */
    this._stop = null;
  }

  /**
   * Open the device of that id, or the system's choice where it is empty or gone; another one that is open gives
   * way.
   * @param {string} deviceId
   * @param {AudioContext} context
   */
  async open(deviceId, context) {
    if (!navigator.mediaDevices) return this._listeners.onMicrophoneStatus("insecure");
    const opening = (this._opening = {});
    if (this._stop) this._release();
    else this._listeners.onMicrophoneStatus("asking");
    useSoundFor("play-and-record");
    /** @type {MediaStream | null} */
    let stream = null;
    try {
      stream = await askFor(deviceId);
      const stop = await capture(stream, context, this._listeners.onMicrophone);
      if (opening === this._opening) this._opened(stream, stop);
      else stop();
    } catch (error) {
      stopTracks(stream);
      if (opening === this._opening) this.close(failure(error));
    }
  }

  /** @param {MediaStream} stream @param {() => void} stop */
  _opened(stream, stop) {
    const [track] = stream.getAudioTracks();
    const { onMicrophoneStatus } = this._listeners;
    this._stop = () => {
      track.onended = track.onmute = track.onunmute = null;
      stop();
    };
    track.onended = () => this.close("lost");
    track.onmute = () => onMicrophoneStatus("muted");
    track.onunmute = () => onMicrophoneStatus("on");
    onMicrophoneStatus(track.muted ? "muted" : "on");
  }

  /** Let go of it, so that the browser shows it as free. @param {MicrophoneStatus} status */
  close(status = "off") {
    this._opening = null;
    this._release();
    useSoundFor("playback");
    this._listeners.onMicrophoneStatus(status);
  }

  _release() {
    this._stop?.();
    this._stop = null;
  }
}

/** @param {string} deviceId @returns {Promise<MediaStream>} */
async function askFor(deviceId) {
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  if (deviceId === "") return navigator.mediaDevices.getUserMedia({ audio });
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { ...audio, deviceId: { exact: deviceId } } });
  } catch (error) {
    if (!["OverconstrainedError", "NotFoundError"].includes(nameOf(error))) throw error;
    return navigator.mediaDevices.getUserMedia({ audio });
  }
}

/**
 * Frames of the stream to `onFrame`, until what is returned is called.
 * @param {MediaStream} stream
 * @param {AudioContext} context
 * @param {(frame: Int16Array<ArrayBuffer>) => void} onFrame
 * @returns {Promise<() => void>}
 */
async function capture(stream, context, onFrame) {
  const source = sourceOf(stream, context);
  const own = source.context === context ? null : /** @type {AudioContext} */ (source.context);
  const worklet = await newWorklet(source.context).catch((error) => {
    void own?.close();
    throw error;
  });
  worklet.port.onmessage = ({ data }) => onFrame(data);
  // Only nodes that lead to the destination are sure to run; this one's output is silence.
  source.connect(worklet).connect(source.context.destination);
  return () => {
    worklet.port.onmessage = null;
    worklet.port.postMessage("close");
    source.disconnect();
    worklet.disconnect();
    stopTracks(stream);
    void own?.close();
  };
}

/** @param {BaseAudioContext} context */
async function newWorklet(context) {
  await context.audioWorklet.addModule("/audio/capture-worklet.js");
  return new AudioWorkletNode(context, "capture", { outputChannelCount: [1] });
}

/**
 * Firefox connects no stream to a context of another rate: such a one gets a context of its own.
 * @param {MediaStream} stream
 * @param {AudioContext} context
 */
function sourceOf(stream, context) {
  try {
    return context.createMediaStreamSource(stream);
  } catch {
    const { sampleRate } = stream.getAudioTracks()[0].getSettings();
    return new AudioContext(sampleRate ? { sampleRate } : {}).createMediaStreamSource(stream);
  }
}

/** @param {MediaStream | null} stream */
function stopTracks(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** @param {unknown} error @returns {"denied" | "missing" | "failed"} */
function failure(error) {
  const name = nameOf(error);
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  return name === "NotFoundError" ? "missing" : "failed";
}

/** Not every browser's OverconstrainedError is an Error. @param {unknown} error */
function nameOf(error) {
  return String(/** @type {{name?: unknown} | null | undefined} */ (error)?.name ?? "");
}
