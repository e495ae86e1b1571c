// @ts-check
/// <reference path="../../types.d.ts" />
/** What the panel "Latency" says in words. Pure. */

import { millisecondsText, standIns } from "../../model/timing.js";

/** @typedef {import("../../model/state.js").Turn} Turn */

export const ENGINES = /** @type {const} */ ({ stt: "Hearing", llm: "Thinking", tts: "Voice" });

/** @type {Record<string, string>} */
export const WORKERS = { ...ENGINES, server: "Server", way: "Way to your ear" };

/** What each stage is, by the mark that ends it. @type {Record<string, string>} */
export const STAGE_MEANINGS = {
  turn_decided: "It was certain that you had finished: mostly silence that is waited for.",
  transcript_final: "Your words were there. Nothing, if they were ready by then.",
  llm_request: "The language model was asked.",
  llm_first_token: "The language model wrote its first token.",
  first_sentence: "The first sentence was whole.",
  tts_request: "The voice was asked to say it. A later reply waits here while the one before is heard.",
  tts_first_audio: "The voice had made its first sound.",
  first_frame_sent: "The first sound left the server: the time to first audio.",
  first_sample_played: "The first sound was heard here, after the network and the player's buffer.",
};

const SOURCES = { speech: "spoken", text: "typed", request: "on request" };
const OUTCOMES = { completed: "", interrupted: "interrupted", failed: "failed" };

/** A mark's name, for people. @param {string} name */
export function stageText(name) {
  return sentence(name.replaceAll("_", " ").replace(/\b(llm|tts)\b/u, (word) => word.toUpperCase()));
}

/** @param {Turn["source"]} source */
export function sourceText(source) {
  return SOURCES[source];
}

/** A turn in a list to choose from. @param {Turn} turn @param {number | null} waitMs */
export function turnText({ turn, source, outcome }, waitMs) {
  const wait = waitMs === null ? "no sound" : millisecondsText(waitMs);
  return [`Turn ${turn}`, SOURCES[source], wait, OUTCOMES[outcome]].filter(Boolean).join(", ");
}

/** Whose times are not those of a real engine. @param {Turn} turn */
export function standInText(turn) {
  const stages = standIns(turn);
  if (stages.length === 0) return "";
  const names = sentence(listed(stages.map((stage) => ENGINES[stage].toLowerCase())));
  const [were, their] = stages.length > 1 ? ["were stand-ins", "Their"] : ["was a stand-in", "Its"];
  return `${names} ${were} in this turn. ${their} times say nothing about a real engine.`;
}

/** What the time to first audio of this turn is. @param {Turn["source"]} source */
export function waitText(source) {
  if (source === "speech") return "from the end of your speech to the first audio";
  return source === "text" ? "from your message to the first audio" : "from the request to the first audio";
}

/** What is known of one reply besides its stages: what, how much, and what that is. @param {Ledger} entry */
export function figures(entry) {
  const { saved_by_speculation, audio_s, rtf, underruns, llm_tokens, sentences, cancelled_after_s } = entry;
  return [
    ["Saved by speculation", seconds(saved_by_speculation), "work done before it was certain that you had finished"],
    ["Audio", seconds(audio_s), "sent in all"],
    ["RTF", plain(rtf), "seconds the voice worked per second of audio; below 1 it keeps up"],
    ["Underruns", plain(underruns), "times the sound ran dry"],
    ["LLM tokens", plain(llm_tokens), "pieces the language model sent"],
    ["Sentences", plain(sentences), "given to the voice"],
    ["Cancelled after", seconds(cancelled_after_s), cancelled_after_s === null ? "it was not cut" : "it was cut then"],
  ];
}

/** @param {{turns: number, medianMs: number, p95Ms: number}} waits */
export function waitsText({ turns, medianMs, p95Ms }) {
  const count = turns === 1 ? "1 turn" : `${turns} turns`;
  return `${count}: median ${millisecondsText(medianMs)}, p95 ${millisecondsText(p95Ms)}`;
}

/** Whether the kept turns may be compared. @param {Turn[]} turns */
export function comparisonText(turns) {
  const stood = turns.filter((turn) => standIns(turn).length > 0).length;
  if (stood === 0) return "";
  if (stood === turns.length) return "All of these turns were answered with stand-ins.";
  return `${stood} of these ${turns.length} turns were answered with stand-ins; do not compare them with the others.`;
}

/** @param {number | null | undefined} value */
function seconds(value) {
  if (typeof value !== "number") return "–";
  return value !== 0 && value < 1 ? millisecondsText(value * 1000) : `${Number(value.toFixed(2))} s`;
}

/** @param {number | null | undefined} value */
function plain(value) {
  return typeof value === "number" ? String(value) : "–";
}

/** @param {string[]} names */
function listed(names) {
  const last = names.at(-1);
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${last}` : `${last}`;
}

/** @param {string} words */
function sentence(words) {
  return words[0].toUpperCase() + words.slice(1);
}
