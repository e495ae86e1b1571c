// @ts-check
/// <reference path="../../types.d.ts" />
/** One stored conversation, to read, to go on with, to take away and to delete. */

import { storedLines } from "../../model/history.js";
import { heardAndCut } from "../../model/lines.js";
import { button, download, element, setHue, setText } from "../../view/dom.js";
import { dateText, fileName, titleText, turnsText, whoText } from "./pages.js";

/** @typedef {import("./pages.js").Head} Head */

/**
 * @typedef {object} Choices
 * @property {() => void} back
 * @property {(id: string) => void} goOn
 * @property {() => void} begin
 * @property {(id: string) => void} deleted
 */

const FORMATS = /** @type {const} */ ([
  ["markdown", "Text"],
  ["wav", "Sound"],
  ["json", "JSON"],
]);
const LABELS = { interrupted: "interrupted", failed: "failed", lost: "connection lost" };

export class Reading {
  /** @param {import("../../api.js").Api} api @param {Head} head @param {Choices} choices */
  constructor(api, head, choices) {
    this.id = head.id;
    this._api = api;
    this._head = head;
    this._choices = choices;
    this._path = `/api/conversations/${encodeURIComponent(head.id)}`;
    this._requests = new AbortController();
    this.back = button("← All conversations", choices.back, "plain back");
    const title = element("h3", "opening", titleText(head));
    title.dir = "auto";
    const about = element(
      "p",
      "about",
      element("span", "", dateText(head.updated_at)),
      element("bdi", "", whoText(head)),
    );
    about.append(element("span", "", turnsText(head)));
    this._goOn = button("Go on", () => choices.goOn(head.id), "button main");
    this._begin = button("Begin a new one", choices.begin, "button main");
    this._current = element("p", "hint", "You are in this conversation.");
    this._delete = button("Delete…", () => this._ask(true), "button danger");
    this._actions = element("div", "actions", this._goOn, this._begin, this._delete);
    this._sure = this._question();
    this._exports = element("div", "actions exports", element("span", "label", "Save as"));
    this._exports.append(...FORMATS.map(([format, name]) => this._export(format, name)));
    this._problem = element("p", "problem");
    this._problem.role = "alert";
    this._status = element("p", "hint", "Loading…");
    this._status.role = "status";
    this._lines = element("div", "lines");
    const top = [this.back, title, about, this._current, this._actions, this._sure, this._exports];
    this.node = element("div", "reading", ...top, this._problem, this._status, this._lines);
  }

  /** @param {import("../../model/state.js").State} state */
  show({ conversation, connection }) {
    const current = conversation === this._head.id;
    this._current.hidden = this._begin.hidden = !current;
    this._goOn.hidden = this._delete.hidden = current;
    this._goOn.disabled = this._begin.disabled = connection !== "open";
    if (current) this._ask(false);
  }

  /** @param {Record<string, number>} places character id -> its place in the order of appearance on the page */
  async load(places) {
    await this._try("Loading…", async (signal) => {
      const { lines } = await this._api.json(this._path, { signal });
      const ids = this._head.characters.map(({ id }) => id);
      const hue = (/** @type {string} */ id) => places[id] ?? Math.max(0, ids.indexOf(id));
      const said = storedLines(lines);
      this._lines.replaceChildren(...said.map((line) => drawLine(line, hue)));
      return said.length > 0 ? "" : "Nothing was said.";
    });
  }

  /** Nobody waits for what is on its way. */
  leave() {
    this._requests.abort();
  }

  /**
   * Do something with the server and say how it goes.
   * @param {string} doing
   * @param {(signal: AbortSignal) => Promise<string>} action what to say when it is done
   */
  async _try(doing, action) {
    const { signal } = this._requests;
    setText(this._problem, "");
    setText(this._status, doing);
    try {
      setText(this._status, await action(signal));
    } catch (error) {
      if (signal.aborted) return;
      setText(this._status, "");
      setText(this._problem, /** @type {Error} */ (error).message);
    }
  }

  _question() {
    const text = element("p", "", "Delete this conversation? It cannot be brought back.");
    const yes = button("Delete", () => void this._deleteIt(), "button danger");
    const no = button("Keep it", () => {
      this._ask(false);
      this._delete.focus();
    });
    const node = element("div", "sure", text, element("div", "actions", yes, no));
    node.role = "group";
    node.ariaLabel = "Delete this conversation?";
    node.hidden = true;
    return node;
  }

  /** @param {boolean} asking */
  _ask(asking) {
    this._sure.hidden = !asking;
    this._actions.hidden = asking;
    if (asking) this._sure.querySelectorAll("button")[1].focus();
  }

  async _deleteIt() {
    await this._try("Deleting…", async (signal) => {
      this._ask(false);
      await this._api.json(this._path, { method: "DELETE", signal });
      this._choices.deleted(this._head.id);
      return "";
    });
  }

  /** @param {string} format @param {string} name */
  _export(format, name) {
    const node = button(name, async () => {
      node.disabled = true;
      await this._try("Fetching it…", async (signal) => {
        const file = await this._api.blob(`${this._path}/export?format=${format}`, { signal });
        download(file, fileName(this._head.created_at, format));
        return "Saved.";
      });
      node.disabled = false;
    });
    return node;
  }
}

/**
 * @param {import("../../model/state.js").Line} line
 * @param {(character: string) => number} hue
 */
function drawLine(line, hue) {
  const name = element("bdi", "", line.kind === "reply" ? line.name : "You");
  const text = element("p", "text");
  text.dir = "auto";
  if (line.kind !== "reply") {
    text.append(line.text);
    return element("article", "said", element("h4", "", name), text);
  }
  const [heard, cut] = heardAndCut(line);
  text.append(heard);
  if (cut) text.append(element("del", "", cut));
  const label = LABELS[/** @type {keyof typeof LABELS} */ (line.outcome)];
  const heading = element("h4", "", name);
  if (label) heading.append(" ", element("span", "label", label));
  const node = element("article", "said voice", heading, text);
  setHue(node, hue(line.characterId));
  return node;
}
