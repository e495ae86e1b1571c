// @ts-check
/// <reference path="../types.d.ts" />
/** From the ledgers of turns to what can be drawn of them. Seconds in, milliseconds out, as everywhere. Pure. */

/** @typedef {import("./state.js").Turn} Turn */
/** @typedef {"stt" | "llm" | "tts"} EngineStage */
/** @typedef {EngineStage | "server" | "way"} Worker "way": from the server to the ear */

/**
 * The marks of a ledger in the order they are passed, and who works until each.
 * @type {readonly {name: string, by: Worker}[]}
 */
export const STAGES = Object.freeze([
  { name: "turn_decided", by: "stt" },
  { name: "transcript_final", by: "stt" },
  { name: "llm_request", by: "server" },
  { name: "llm_first_token", by: "llm" },
  { name: "first_sentence", by: "llm" },
  { name: "tts_request", by: "server" },
  { name: "tts_first_audio", by: "tts" },
  { name: "first_frame_sent", by: "server" },
  { name: "first_sample_played", by: "way" },
]);

const TTFA = "first_frame_sent";

/**
 * A stage of one reply: where it began and how long it took; `null` when it was not reached.
 * @typedef {{name: string, by: Worker, fromMs: number | null, ms: number | null}} Span
 */

/**
 * The stages, each from where the one before it ended. Where nobody spoke, nothing was to be recognised.
 * @param {Ledger} entry
 * @param {Turn["source"]} source
 * @returns {Span[]}
 */
export function spans(entry, source) {
  let before = 0;
  return STAGES.map(({ name, by: worker }) => {
    const by = worker === "stt" && source !== "speech" ? "server" : worker;
    const mark = entry[name] ?? null;
    if (mark === null) return { name, by, fromMs: null, ms: null };
    const span = { name, by, fromMs: before * 1000, ms: (mark - before) * 1000 };
    before = mark;
    return span;
  });
}

/** Time to first audio of a reply, `null` without audio. @param {Ledger | undefined} entry */
export function ttfaMs(entry) {
  const mark = entry?.[TTFA] ?? null;
  return mark === null ? null : mark * 1000;
}

/** How long the person waited: time to the first audio of the first reply. @param {Turn} turn */
export function waitMs(turn) {
  return ttfaMs(turn.ledger[0]);
}

/** Which engines worked in that turn. @param {Pick<Turn, "source">} turn @returns {EngineStage[]} */
export function enginesUsed({ source }) {
  return source === "speech" ? ["stt", "llm", "tts"] : ["llm", "tts"];
}

/** Which of them were stand-ins. @param {Pick<Turn, "source" | "engines">} turn */
export function standIns(turn) {
  return enginesUsed(turn).filter((stage) => turn.engines?.[stage].stand_in);
}

/**
 * The smallest of `values` that at least `percent` % of them do not exceed (nearest rank). Not for no values.
 * @param {number[]} values @param {number} percent
 */
export function percentile(values, percent) {
  const ordered = [...values].sort((a, b) => a - b);
  return ordered[Math.max(0, Math.ceil((percent / 100) * ordered.length) - 1)];
}

/**
 * How long the person waited, by how the turn began; only the kinds of which some were answered aloud.
 * @param {Turn[]} turns
 */
export function waits(turns) {
  const sources = /** @type {const} */ (["speech", "text", "request"]);
  return sources.flatMap((source) => {
    const known = turns.flatMap((turn) => (turn.source === source ? (waitMs(turn) ?? []) : []));
    if (known.length === 0) return [];
    return [{ source, turns: known.length, medianMs: percentile(known, 50), p95Ms: percentile(known, 95) }];
  });
}

/**
 * From tick to tick on an axis from 0 to `longest`: 1, 2 or 5 times a power of ten, and at least a third of it.
 * @param {number} longest
 */
export function tickStep(longest) {
  const least = Math.max(longest, 1) / 3;
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((factor) => factor * power >= least) ?? 10);
}

/** @param {number | null} ms */
export function millisecondsText(ms) {
  if (ms === null) return "–";
  return `${ms > 0 && ms < 9.95 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
