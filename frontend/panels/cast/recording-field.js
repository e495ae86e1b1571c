// @ts-check
/// <reference path="../../types.d.ts" />
/** Records what a new voice shall imitate, shows how it goes, and lets it be heard. */

import { canStop } from "../../model/state.js";
import { button, element, setText } from "../../view/dom.js";
import { record } from "./recorder.js";
import { LONGEST_S, NO_RECORDING, isFull, microphoneProblem, recordingAfter, recordingText } from "./recording.js";

/** @typedef {import("../host.js").PanelContext} PanelContext */

export class RecordingField {
  /** @param {PanelContext} context @param {import("./audition.js").Audition} audition */
  constructor(context, audition) {
    this._context = context;
    this._audition = audition;
    /** @type {import("./recording.js").Recording} */
    this._recording = NO_RECORDING;
    this._end = () => {};
    this._attempt = 0;
    this._record = button("Record", () => this._press());
    this._listen = button("Listen", () => void this._hear());
    this._text = element("p", "hint");
    this._meter = element("div", "recording-level", element("span", ""));
    this._meter.setAttribute("aria-hidden", "true");
    this._live = element("p", "visually-hidden");
    this._live.setAttribute("role", "status");
    const actions = element("div", "actions", this._record, this._listen);
    this.node = element("div", "recording", actions, this._meter, this._text, this._live);
    this._draw();
  }

  /** What was recorded, if anything. @returns {Blob | null} */
  get value() {
    return this._recording.stage === "recorded" ? this._recording.sound : null;
  }

  /** Lets go of the microphone; what was recorded stays. */
  end() {
    if (this._recording.stage === "asking") this.clear();
    this._end();
  }

  /** Lets go of the microphone; what was recorded is forgotten. */
  clear() {
    this._attempt += 1;
    this._end();
    this._audition.stop();
    this._change({ type: "discarded" });
  }

  _press() {
    if (this._recording.stage === "recording") this._end();
    else void this._begin();
  }

  async _begin() {
    const { sound, state, preferences } = this._context;
    this._audition.stop();
    this._attempt += 1;
    const attempt = this._attempt;
    this._change({ type: "asked" });
    const listening = state().microphone === "on";
    this._quieten();
    const current = () => attempt === this._attempt;
    try {
      const end = await record(preferences.value.microphone, {
        onHeard: (seconds, level) => current() && this._change({ type: "heard", seconds, level }),
        onStopped: (recorded) => {
          if (listening) void sound.openMicrophone(preferences.value.microphone);
          if (current()) this._change({ type: "stopped", sound: recorded });
        },
      });
      if (!current()) return end();
      this._end = end;
    } catch (error) {
      if (listening) void sound.openMicrophone(preferences.value.microphone);
      if (current()) this._change({ type: "failed", problem: microphoneProblem(error) });
    }
  }

  /** Nobody else shall be in the recording, and the recording is not said in the conversation. */
  _quieten() {
    const { send, sound, state } = this._context;
    const now = state();
    if (now.microphone === "on") sound.closeMicrophone();
    if (!canStop(now)) return;
    sound.stop(now.turn);
    send({ type: "interrupt" });
  }

  /** @param {import("./recording.js").RecordingEvent} event */
  _change(event) {
    this._recording = recordingAfter(this._recording, event);
    this._draw();
    if (isFull(this._recording)) this._end();
  }

  _draw() {
    const recording = this._recording;
    const { stage } = recording;
    setText(this._record, stage === "recording" ? "Stop" : stage === "recorded" ? "Record again" : "Record");
    this._record.classList.toggle("main", stage !== "recorded");
    this._record.disabled = stage === "asking";
    this._listen.hidden = stage !== "recorded";
    setText(this._text, recordingText(recording));
    this._text.classList.toggle("problem", stage === "failed");
    setText(this._live, stage === "recording" ? "Recording" : recordingText(recording));
    this._meter.hidden = stage !== "recording";
    if (stage !== "recording") return;
    this._meter.style.setProperty("--level", recording.level.toFixed(2));
    this._meter.style.setProperty("--part", (recording.seconds / LONGEST_S).toFixed(3));
  }

  async _hear() {
    const { value } = this;
    if (value) await this._audition.toggle(this._listen, () => Promise.resolve(value)).catch(() => {});
  }
}
