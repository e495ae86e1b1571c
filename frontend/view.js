// @ts-check
/// <reference path="./types.d.ts" />
/** Draws everything around the captions from the state. Knows nothing of what the buttons do. */

import { Captions } from "./captions.js";
import { byId, element, setHue } from "./dom.js";
import { canStop } from "./state.js";
import { activityText, connectionText, noticeText, welcomeText } from "./wording.js";

/** @typedef {import("./state.js").State} State */

const ENGINES = /** @type {const} */ ([
  ["stt", "Hearing"],
  ["llm", "Thinking"],
  ["tts", "Voice"],
]);

export class View {
  constructor() {
    this.microphone = byId("microphone", HTMLButtonElement);
    this.start = byId("start", HTMLButtonElement);
    this.stop = byId("stop", HTMLButtonElement);
    this.send = byId("send", HTMLButtonElement);
    this.composer = byId("composer", HTMLFormElement);
    this.text = byId("text", HTMLTextAreaElement);
    this.cast = byId("cast", HTMLElement);
    this.notice = byId("notice", HTMLElement);
    this.error = byId("error", HTMLElement);
    this._status = byId("status", HTMLElement);
    this._engines = byId("engines", HTMLDetailsElement);
    this._welcome = byId("welcome", HTMLElement);
    this._activity = byId("activity", HTMLElement);
    this._captions = new Captions(byId("captions", HTMLElement), byId("scroller", HTMLElement));
    this.text.addEventListener("input", () => this.fitText());
    /** @type {State | null} */
    this._drawn = null;
  }

  /** @param {State} state */
  draw(state) {
    const before = this._drawn;
    this._drawn = state;
    setText(this._status, connectionText(state));
    this._status.dataset.connection = state.connection;
    if (state.engines && state.engines !== before?.engines) this._drawEngines(state.engines);
    if (state.cast !== before?.cast) this._drawCast(state);
    this._drawAddressed(state);
    this._welcome.hidden = state.lines.length > 0 || state.hearing !== null;
    this._captions.draw(state);
    drawNotice(this.notice, noticeText(state));
    setText(part(this.notice, "button"), state.connection === "reconnecting" ? "Try now" : "Dismiss");
    part(this.notice, "button").hidden = state.connection === "refused";
    drawNotice(this.error, state.error?.message ?? "");
    this._drawControls(state);
  }

  /** @param {State} state */
  _drawControls(state) {
    const on = state.microphone === "on";
    const asking = state.microphone === "asking";
    this.microphone.setAttribute("aria-pressed", String(on));
    this.microphone.title = on ? "Turn the microphone off" : "Turn the microphone on";
    this.microphone.disabled = this.start.disabled = asking;
    this.start.hidden = on;
    this.stop.hidden = !canStop(state);
    this.send.disabled = state.connection !== "open";
    setText(this._activity, activityText(state));
    if (!on) this.showLoudness(0);
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

  /** @param {State} state */
  _drawCast({ cast, places }) {
    setText(byId("welcome-title", HTMLElement), welcomeText(cast));
    const chips = cast.map((character) => {
      const chip = element("button", "chip", element("span", "dot"), element("span", "", character.name));
      chip.type = "button";
      chip.dataset.character = character.id;
      setHue(chip, places[character.id]);
      return chip;
    });
    this.cast.replaceChildren(element("span", "to"), ...chips);
    this.cast.hidden = cast.length === 0;
  }

  /** @param {State} state */
  _drawAddressed({ cast, to }) {
    const label = this.cast.querySelector(".to");
    if (label) setText(label, to.length > 0 ? "To" : "To anyone");
    this.text.placeholder = placeholder(cast, to);
    for (const chip of this.cast.querySelectorAll("button")) {
      chip.setAttribute("aria-pressed", String(to.includes(chip.dataset.character ?? "")));
    }
  }

  /** How loud the microphone is, 0 to 1. @param {number} loudness */
  showLoudness(loudness) {
    this.microphone.style.setProperty("--loudness", loudness.toFixed(2));
  }

  /** The message box grows with its text, up to the height the style sheet allows. */
  fitText() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
  }
}

/** @param {string} label @param {Engine} engine */
function drawEngine(label, engine) {
  const node = element("span", "engine", element("span", "stage", label), " ", element("span", "", engine.name));
  if (engine.stand_in) node.append(" ", element("span", "tag", "stand-in"));
  if (!engine.ready) node.append(" ", element("span", "tag", "loading"));
  if (engine.detail) node.title = engine.detail;
  return node;
}

/** @param {Character[]} cast @param {string[]} to */
function placeholder(cast, to) {
  const names = cast.filter(({ id }) => to.includes(id)).map(({ name }) => name);
  return names.length > 0 && names.length <= 3 ? `Say to ${names.join(" and ")}` : "Type a message";
}

/** @param {HTMLElement} node @param {string} text */
function drawNotice(node, text) {
  setText(part(node, "span"), text);
  node.hidden = text === "";
}

/**
 * Leaves the node alone when nothing changes, so that screen readers are not told again.
 * @param {Element} node @param {string} text
 */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {HTMLElement} node @param {string} selector */
function part(node, selector) {
  return /** @type {HTMLElement} */ (node.querySelector(selector));
}
