// @ts-check
/// <reference path="../types.d.ts" />
/** Draws everything around the captions from the state. Knows nothing of what the buttons do. */

import { canStop, isMicrophoneOpen } from "../model/state.js";
import {
  activityText,
  connectionText,
  noticeAction,
  noticeText,
  placeholderText,
  welcomeText,
} from "../model/wording.js";
import { Captions } from "./captions.js";
import { byId, element, part, setText } from "./dom.js";
import { Stage } from "./stage.js";

/** @typedef {import("../model/state.js").State} State */

const ENGINES = /** @type {const} */ ([
  ["stt", "Hearing"],
  ["llm", "Thinking"],
  ["tts", "Voice"],
]);

export class Page {
  /** @param {import("./faces.js").Portraits} portraits */
  constructor(portraits) {
    this.microphone = byId("microphone", HTMLButtonElement);
    this.start = byId("start", HTMLButtonElement);
    this.greet = byId("greet", HTMLButtonElement);
    this.talk = byId("talk", HTMLButtonElement);
    this.again = byId("again", HTMLButtonElement);
    this.stop = byId("stop", HTMLButtonElement);
    this.panels = byId("panels", HTMLElement);
    this.notice = byId("notice", HTMLElement);
    this.error = byId("error", HTMLElement);
    this._text = byId("text", HTMLTextAreaElement);
    this._send = byId("send", HTMLButtonElement);
    this._status = byId("status", HTMLElement);
    this._engines = byId("engines", HTMLDetailsElement);
    this._welcome = byId("welcome", HTMLElement);
    this._activity = byId("activity", HTMLElement);
    this.stage = new Stage(portraits);
    const newest = byId("newest", HTMLButtonElement);
    this._captions = new Captions(byId("captions", HTMLElement), byId("scroller", HTMLElement), newest, portraits);
    /** @type {State | null} */
    this._drawn = null;
  }

  /** @param {State} state @param {Readonly<Preferences>} preferences */
  draw(state, preferences) {
    const before = this._drawn;
    this._drawn = state;
    setText(this._status, connectionText(state));
    this._status.dataset.connection = state.connection;
    if (state.engines && state.engines !== before?.engines) this._drawEngines(state.engines);
    if (state.cast !== before?.cast) setText(byId("welcome-title", HTMLElement), welcomeText(state.cast));
    this.stage.draw(state, before);
    this._welcome.hidden = state.lines.length > 0 || state.hearing !== null;
    this._captions.draw(state);
    drawNotice(this.notice, noticeText(state));
    setText(part(this.notice, "button"), noticeAction(state));
    part(this.notice, "button").hidden = noticeAction(state) === "";
    drawNotice(this.error, state.error?.message ?? "");
    this._drawControls(state, preferences);
  }

  /** @param {State} state @param {Readonly<Preferences>} preferences */
  _drawControls(state, { mode }) {
    const on = isMicrophoneOpen(state.microphone);
    const asking = state.microphone === "asking";
    const open = state.connection === "open";
    this.microphone.setAttribute("aria-pressed", String(on));
    this.microphone.title = on ? "Turn the microphone off" : "Turn the microphone on";
    this.microphone.setAttribute("aria-busy", String(asking)); // disabled, it would lose the focus
    this.start.disabled = asking;
    this.greet.disabled = !open;
    this.start.hidden = on;
    this.talk.hidden = mode !== "push_to_talk" || !on;
    this.talk.disabled = !open;
    this.stop.hidden = !canStop(state);
    this.again.hidden = canStop(state) || state.speaking || !open || !state.lines.some(({ kind }) => kind === "reply");
    this._send.disabled = !open;
    this._text.placeholder = placeholderText(state);
    setText(this._activity, activityText(state, mode));
    if (!on) this.showLoudness(0);
  }

  /** Whether somebody in the cast has something to begin with. @param {boolean} possible */
  offerGreeting(possible) {
    this.greet.hidden = !possible;
  }

  /** The portraits have come, or are others. */
  showPortraits() {
    this.stage.showPortraits();
    this._captions.showPortraits();
  }

  /** @param {NonNullable<State["engines"]>} engines */
  _drawEngines(engines) {
    const summary = part(this._engines, "summary");
    const list = part(this._engines, "ul");
    summary.replaceChildren(...ENGINES.map(([stage, label]) => drawEngine(label, engines[stage])));
    list.replaceChildren(
      ...ENGINES.map(([stage, label]) => {
        const { name, detail } = engines[stage];
        return element("li", "", element("b", "", `${label}: ${name}`), detail ? ` – ${detail}` : "");
      }),
    );
    this._engines.hidden = false;
  }

  /** How loud the microphone is, 0 to 1. @param {number} loudness */
  showLoudness(loudness) {
    this.microphone.style.setProperty("--loudness", loudness.toFixed(2));
  }
}

/** @param {string} label @param {Engine} engine */
function drawEngine(label, engine) {
  const node = element("span", "engine", element("span", "stage-name", label), " ", element("span", "", engine.name));
  if (engine.stand_in) node.append(" ", element("span", "tag", "stand-in"));
  if (!engine.ready) node.append(" ", element("span", "tag", engine.detail || "loading"));
  if (engine.detail) node.title = engine.detail;
  return node;
}

/** @param {HTMLElement} node @param {string} text */
function drawNotice(node, text) {
  setText(part(node, "span"), text);
  node.hidden = text === "";
}
