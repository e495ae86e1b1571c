// @ts-check
/// <reference path="../types.d.ts" />
/** The panel "Latency": where the time to first audio went, of one of the turns that are over. */

import { waitMs } from "../model/timing.js";
import { button, element, setText } from "../view/dom.js";
import { copy } from "./latency/clipboard.js";
import { historyChart, historyTable } from "./latency/history-chart.js";
import { drawTurn } from "./latency/turn.js";
import * as wording from "./latency/wording.js";

/** @typedef {import("../model/state.js").State} State */
/** @typedef {import("../model/state.js").Turn} Turn */

export default class {
  title = "Latency";

  constructor() {
    this._empty = element("p", "hint", "After the first answer, this shows where the time to its first sound went.");
    this._choice = element("select", "");
    this._choice.id = "latency-turn";
    this._choice.addEventListener("change", () => this._choose(this._choice.value));
    const label = element("label", "", "Turn");
    label.htmlFor = this._choice.id;
    this._turn = element("section", "");
    this._chart = element("div", "");
    this._figures = element("div", "");
    const table = element("details", "", element("summary", "", "The same as a table"), this._figures);
    this._history = element("section", "", this._chart, table);
    this._copied = element("p", "hint");
    this._copied.role = "status";
    this._copyText = element("textarea", "copy-text");
    this._copyText.readOnly = true;
    this._copyText.hidden = true;
    this._copyText.ariaLabel = "The turn as JSON";
    const copyButton = button("Copy as JSON", () => void this._copy());
    const copying = element("div", "actions", copyButton, this._copied);
    const choice = element("div", "field", label, this._choice);
    this._full = element("div", "", choice, this._turn, copying, this._copyText, explanation(), this._history);
    this.node = element("div", "", this._empty, this._full);
    /** The turn that was chosen; empty: always the newest. */
    this._chosen = "";
    /** @type {Turn[]} */
    this._turns = [];
    this._full.hidden = true;
  }

  /** @param {State} state */
  draw({ turns }) {
    if (turns === this._turns) return;
    this._turns = turns;
    this._show();
  }

  closed() {
    this._chosen = "";
    setText(this._copied, "");
    this._copyText.hidden = true;
    this._show();
  }

  /** @param {string} key */
  _choose(key) {
    this._chosen = key === this._turns.at(-1)?.key ? "" : key;
    setText(this._copied, "");
    this._copyText.hidden = true;
    this._show();
  }

  /** @returns {Turn | undefined} */
  get _shown() {
    return this._turns.find(({ key }) => key === this._chosen) ?? this._turns.at(-1);
  }

  _show() {
    const turn = this._shown;
    this._empty.hidden = turn !== undefined;
    this._full.hidden = turn === undefined;
    if (turn === undefined) return;
    this._showChoice(turn);
    this._turn.replaceChildren(...drawTurn(turn));
    const several = this._turns.length > 1;
    this._history.hidden = !several;
    if (!several) return;
    const title = element("h3", "", `The last ${this._turns.length} turns`);
    this._chart.replaceChildren(title, ...historyChart(this._turns, turn.key, (key) => this._choose(key)));
    this._figures.replaceChildren(historyTable(this._turns));
  }

  /** @param {Turn} shown */
  _showChoice(shown) {
    const options = this._turns.map((turn) => {
      const newest = turn === this._turns.at(-1) ? " (newest)" : "";
      return new Option(wording.turnText(turn, waitMs(turn)) + newest, turn.key);
    });
    this._choice.replaceChildren(...options.reverse());
    this._choice.value = shown.key;
  }

  async _copy() {
    const turn = this._shown;
    if (!turn) return;
    const { key, ...told } = turn;
    const done = await copy(JSON.stringify(told, null, 2), this._copyText);
    setText(this._copied, done ? "Copied." : "The browser does not let this page copy. Copy it from here:");
  }
}

function explanation() {
  const rows = Object.entries(wording.STAGE_MEANINGS).map(([name, meaning]) =>
    element("div", "", element("dt", "", wording.stageText(name)), element("dd", "", meaning)),
  );
  const text = "Each stage begins where the one before it ended. A dash is a stage that was not reached.";
  const list = element("dl", "figures", ...rows);
  return element("details", "", element("summary", "", "What the stages are"), element("p", "hint", text), list);
}
