// @ts-check
/// <reference path="../../types.d.ts" />
/** One reply's stages as a table whose middle column is drawn: every bar begins where the one before it ended. */

import { axis, millisecondsText, spans, ttfaMs } from "../../model/timing.js";
import { element } from "../../view/dom.js";
import { stageText, WORKERS } from "./wording.js";

/** @typedef {import("../../model/timing.js").Span} Span */

/**
 * @param {string} title
 * @param {Ledger} entry
 * @param {readonly string[]} standIns engines that stood in for something better
 */
export function waterfall(title, entry, standIns) {
  const stages = spans(entry);
  const scale = axis(Math.max(...stages.map(({ fromMs, ms }) => (fromMs ?? 0) + (ms ?? 0))));
  const name = element("bdi", "", title);
  const rows = stages.map((span) => stageRow(span, scale.end, standIns.includes(span.by)));
  rows.splice(-1, 0, totalRow(ttfaMs(entry), scale.end));
  const table = element("table", "waterfall", element("caption", "", name), head(scale), element("tbody", "", ...rows));
  table.style.setProperty("--step", `${(100 * scale.step) / scale.end}%`);
  return table;
}

/** @param {{step: number, end: number}} scale */
function head({ step, end }) {
  const ticks = element("div", "ticks");
  ticks.ariaHidden = "true";
  for (let at = 0; at <= end; at += step) {
    const tick = element("span", "", String(Number(at.toPrecision(6))));
    tick.style.setProperty("--at", `${(100 * at) / end}%`);
    ticks.append(tick);
  }
  const cells = [hiddenText("Stage"), hiddenText("When, and by whom"), hiddenText("How long")].map((text) => {
    const cell = element("th", "", text);
    cell.scope = "col";
    return cell;
  });
  cells[1].append(ticks);
  cells[2].append(element("span", "unit", "ms"));
  return element("thead", "", element("tr", "", ...cells));
}

/** @param {Span} span @param {number} end @param {boolean} standIn */
function stageRow({ name, by, fromMs, ms }, end, standIn) {
  const who = `${WORKERS[by]}${standIn ? ", a stand-in" : ""}`;
  const row = tableRow(stageText(name), fromMs, ms, end, who);
  row.dataset.by = by;
  row.classList.toggle("stand-in", standIn);
  return row;
}

/** @param {number | null} ms @param {number} end */
function totalRow(ms, end) {
  const row = tableRow("Time to first audio", ms === null ? null : 0, ms, end, "All of these together");
  row.classList.add("total");
  return row;
}

/** @param {string} label @param {number | null} fromMs @param {number | null} ms @param {number} end @param {string} who */
function tableRow(label, fromMs, ms, end, who) {
  const heading = element("th", "", label);
  heading.scope = "row";
  const drawn = element("td", "drawn");
  if (fromMs === null || ms === null) {
    drawn.append(hiddenText("not reached"));
  } else {
    const bar = element("div", "bar");
    bar.style.setProperty("--from", `${(100 * fromMs) / end}%`);
    bar.style.setProperty("--length", `${(100 * ms) / end}%`);
    drawn.append(bar, hiddenText(`${who}: from ${millisecondsText(fromMs)} to ${millisecondsText(fromMs + ms)}`));
    drawn.title = who;
  }
  return element("tr", "", heading, drawn, element("td", "figure", millisecondsText(ms).replace(" ms", "")));
}

/** @param {string} text */
function hiddenText(text) {
  return element("span", "visually-hidden", text);
}
