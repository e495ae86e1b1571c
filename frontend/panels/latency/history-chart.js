// @ts-check
/// <reference path="../../types.d.ts" />
/** How long the person waited in each of the kept turns: bars, the figures in words, and the same as a table. */

import { millisecondsText, tickStep, waitMs, waits } from "../../model/timing.js";
import { element } from "../../view/dom.js";
import { comparisonText, sourceText, waitsText } from "./wording.js";

/** @typedef {import("../../model/state.js").Turn} Turn */

/**
 * @param {Turn[]} turns the oldest first
 * @param {string} shown key of the turn that is shown
 * @param {(key: string) => void} choose
 */
export function historyChart(turns, shown, choose) {
  /** @type {HTMLElement[]} */
  const parts = [bars(turns, shown, choose), key(turns)];
  const comparison = comparisonText(turns);
  if (comparison) parts.push(element("p", "hint", comparison));
  return parts;
}

/** The table says the same. @param {Turn[]} turns @param {string} shown @param {(key: string) => void} choose */
function bars(turns, shown, choose) {
  const longest = Math.max(1, ...turns.map((turn) => waitMs(turn) ?? 0));
  const step = tickStep(longest);
  const end = step * Math.ceil(longest / step);
  const drawn = turns.map((turn) => {
    const ms = waitMs(turn);
    const bar = element("div", "turn", element("div", ms === null ? "nothing" : "bar"));
    bar.style.setProperty("--height", `${(100 * (ms ?? 0)) / end}%`);
    bar.dataset.source = turn.source;
    bar.title = `Turn ${turn.turn}, ${sourceText(turn.source)}: ${ms === null ? "no sound" : millisecondsText(ms)}`;
    bar.classList.toggle("shown", turn.key === shown);
    bar.addEventListener("click", () => choose(turn.key));
    return bar;
  });
  const plot = element("div", "plot", ...drawn);
  plot.style.setProperty("--step", `${(100 * step) / end}%`);
  const top = element("span", "top", millisecondsText(end));
  const chart = element("div", "history", top, plot, element("span", "bottom", "0"));
  chart.ariaHidden = "true";
  return chart;
}

/** @param {Turn[]} turns */
function key(turns) {
  const known = waits(turns);
  if (known.length === 0) return element("p", "hint", "None of them was answered aloud.");
  const entries = known.map((group) => {
    const swatch = element("span", "swatch");
    swatch.dataset.source = group.source;
    return element(
      "li",
      "",
      swatch,
      element("span", "", element("b", "", sourceText(group.source)), ` ${waitsText(group)}`),
    );
  });
  return element("ul", "key", ...entries);
}

/** The same in figures. @param {Turn[]} turns */
export function historyTable(turns) {
  const head = ["Turn", "How it began", "Time to first audio"].map((text) => {
    const cell = element("th", "", text);
    cell.scope = "col";
    return cell;
  });
  const rows = turns.map((turn) => {
    const heading = element("th", "", String(turn.turn));
    heading.scope = "row";
    const cells = [sourceText(turn.source), millisecondsText(waitMs(turn))].map((text) => element("td", "", text));
    return element("tr", "", heading, ...cells);
  });
  return element(
    "table",
    "",
    element("thead", "", element("tr", "", ...head)),
    element("tbody", "", ...rows.reverse()),
  );
}
