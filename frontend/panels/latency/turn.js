// @ts-check
/// <reference path="../../types.d.ts" />
/** One turn: whose times these are, and the stages and figures of each reply. */

import { standIns } from "../../model/timing.js";
import { element } from "../../view/dom.js";
import { waterfall } from "./waterfall.js";
import * as wording from "./wording.js";

/** @typedef {import("../../model/state.js").Turn} Turn */

/** @param {Turn} turn @returns {HTMLElement[]} */
export function drawTurn(turn) {
  const stoodIn = standIns(turn);
  /** @type {HTMLElement[]} */
  const parts = [element("p", "hint", wording.zeroText(turn.source)), drawEngines(turn)];
  const text = wording.standInText(turn);
  if (text) parts.push(element("p", "stand-ins", text));
  if (turn.ledger.length === 0) parts.push(element("p", "hint", "Nobody answered."));
  for (const [place, entry] of turn.ledger.entries()) {
    const name = turn.names[place] ?? `Reply ${entry.reply + 1}`;
    parts.push(waterfall(name, entry, stoodIn));
    if (place > 0)
      parts.push(
        element("p", "hint", `It is heard after ${turn.names[place - 1] ?? "the reply before"}, so it waits for that.`),
      );
    const missing = missingText(entry);
    if (missing) parts.push(element("p", "hint", missing));
    parts.push(drawFigures(entry));
  }
  return parts;
}

/** What a dash among the stages means. @param {Ledger} entry */
function missingText(entry) {
  if (entry.first_frame_sent === null) return "– was not reached: the reply ended before it.";
  if (entry.first_sample_played === null) return "– is not known: nothing of it was played here.";
  return "";
}

/** Whose times these are, in the colours of the bars. @param {Turn} turn */
function drawEngines({ engines }) {
  const entries = Object.entries(wording.WORKERS).map(([by, label]) => {
    const swatch = element("span", "swatch");
    swatch.dataset.by = by;
    const entry = element("li", "", swatch, element("span", "", label));
    const engine = engines?.[/** @type {keyof typeof wording.ENGINES} */ (by)];
    if (engine) entry.append(" ", element("span", "engine-name", engine.name));
    if (engine?.stand_in) {
      entry.append(" ", element("span", "tag", "stand-in"));
      entry.classList.add("stand-in");
    }
    return entry;
  });
  return element("ul", "key", ...entries);
}

/** @param {Ledger} entry */
function drawFigures(entry) {
  const rows = wording
    .figures(entry)
    .map(([name, figure, meaning]) =>
      element("div", "", element("dt", "", name), element("dd", "", element("b", "", figure), ` ${meaning}`)),
    );
  return element("dl", "figures", ...rows);
}
