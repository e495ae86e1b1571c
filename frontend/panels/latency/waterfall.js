// @ts-check
/// <reference path="../../types.d.ts" />
/** One reply's stages as a table whose middle column is drawn: every bar begins where the one before it ended. */

import { millisecondsText, spans, standIns, tickStep, ttfaMs } from "../../model/timing.js";
import { element } from "../../view/dom.js";
import { stageText, WORKERS } from "./wording.js";

/** @typedef {import("../../model/timing.js").Span} Span */
/** @typedef {import("../../model/state.js").Turn} Turn */

/**
 * @param {Turn} turn
 * @param {number} place of the reply in it
 */
export function waterfall(turn, place) {
  const entry = turn.ledger[place];
  const stages = spans(entry, turn.source);
  const stoodIn = standIns(turn);
  const end = Math.max(1, ...stages.map(({ fromMs, ms }) => (fromMs ?? 0) + (ms ?? 0)));
  const step = tickStep(end);
  const rows = stages.map((span) =>
    stageRow(
      span,
      end,
      stoodIn.some((stage) => stage === span.by),
    ),
  );
  rows.splice(-1, 0, totalRow(place, ttfaMs(entry), end));
  const table = element("table", "waterfall", title(turn, place), head(step, end), element("tbody", "", ...rows));
  table.style.setProperty("--step", `${(100 * step) / end}%`);
  return table;
}

/** @param {Turn} turn @param {number} place */
function title({ names, ledger }, place) {
  const name = element("bdi", "", names[place] ?? `Reply ${ledger[place].reply + 1}`);
  if (place === 0) return element("caption", "", name);
  const before = element("bdi", "", names[place - 1] ?? "the reply before");
  const note = element("span", "hint", "waits until ", before, " has been heard");
  return element("caption", "", name, note);
}

/** @param {number} step @param {number} end */
function head(step, end) {
  const ticks = element("div", "ticks");
  ticks.ariaHidden = "true";
  for (let at = 0; at <= end; at += step) {
    const tick = element("span", "", String(at));
    tick.style.setProperty("--at", `${(100 * at) / end}%`);
    tick.classList.toggle("end", at > 0.85 * end);
    ticks.append(tick);
  }
  const cells = ["Stage", "When, and by whom", "How long"].map((text) => {
    const cell = element("th", "", hiddenText(text));
    cell.scope = "col";
    return cell;
  });
  cells[1].append(ticks);
  cells[2].append(element("span", "", "ms"));
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

/**
 * Only the first reply is waited for.
 * @param {number} place @param {number | null} ms @param {number} end
 */
function totalRow(place, ms, end) {
  const row = tableRow(
    place === 0 ? "Time to first audio" : "First audio after",
    ms === null ? null : 0,
    ms,
    end,
    "All of these together",
  );
  row.classList.add("total");
  return row;
}

/**
 * @param {string} label
 * @param {number | null} fromMs @param {number | null} ms @param {number} end
 * @param {string} who
 */
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
