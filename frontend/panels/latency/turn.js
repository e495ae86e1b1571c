// @ts-check
/// <reference path="../../types.d.ts" />
/** One turn: whose times these are, and the stages and figures of each reply. */

import { enginesUsed, millisecondsText, waitMs } from "../../model/timing.js";
import { element } from "../../view/dom.js";
import { waterfall } from "./waterfall.js";
import * as wording from "./wording.js";

/** @typedef {import("../../model/state.js").Turn} Turn */

/** @param {Turn} turn @returns {HTMLElement[]} */
export function drawTurn(turn) {
  const text = wording.standInText(turn);
  const standIn = text ? [element("p", "stand-ins", text)] : [];
  if (turn.ledger.length === 0) return [element("p", "hint", "Nobody answered.")];
  return [drawWait(turn), drawWorkers(turn), ...standIn, ...turn.ledger.flatMap((_, place) => drawReply(turn, place))];
}

/** @param {Turn} turn */
function drawWait(turn) {
  const ms = waitMs(turn);
  if (ms === null) return element("p", "wait", "This turn ended before its first audio.");
  return element("p", "wait", element("b", "", millisecondsText(ms)), ` ${wording.waitText(turn.source)}`);
}

/** @param {Turn} turn @param {number} place of the reply in it @returns {HTMLElement[]} */
function drawReply(turn, place) {
  const entry = turn.ledger[place];
  const missing = missingText(entry);
  return [waterfall(turn, place), ...(missing ? [element("p", "hint", missing)] : []), drawFigures(entry)];
}

/** What a dash among the stages means. @param {Ledger} entry */
function missingText(entry) {
  if (entry.first_frame_sent === null) return "– was not reached: the reply ended before it.";
  if (entry.first_sample_played === null) return "– is not known: nothing of it was played here.";
  return "";
}

/** Who the colours of the bars stand for. @param {Turn} turn */
function drawWorkers(turn) {
  const workers = /** @type {const} */ ([...enginesUsed(turn), "server", "way"]);
  const entries = workers.map((by) => {
    const swatch = element("span", "swatch");
    swatch.dataset.by = by;
    const entry = element("li", "", swatch, element("span", "", wording.WORKERS[by]));
    const engine = by === "server" || by === "way" ? null : turn.engines?.[by];
    if (engine) entry.append(element("span", "engine-name", engine.name));
    if (engine?.stand_in) entry.append(element("span", "tag", "stand-in"));
    entry.classList.toggle("stand-in", engine?.stand_in ?? false);
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
