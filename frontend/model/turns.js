// @ts-check
/// <reference path="../types.d.ts" />
/** How the state follows a turn: it is started, replies are written and heard, it is over. Pure. */

import { changeReply, closeReplies, ended, linesBefore, newReply } from "./lines.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./state.js").Turn} Turn */
/** @typedef {import("./lines.js").PersonLine} PersonLine */
/** @typedef {import("./lines.js").ReplyLine} ReplyLine */

const TURNS_KEPT = 50;

/** @param {State} state @param {number} turn @param {number} reply */
export function replyKey(state, turn, reply) {
  return `${state.session}:${turn}:${reply}`;
}

/** @param {State} state @param {Extract<ServerEvent, {type: "turn.started"}>} event @returns {State} */
export function turnStarted(state, event) {
  const { turn, text, source } = event;
  /** @type {PersonLine[]} */
  const said = source === "request" ? [] : [{ kind: "person", key: `${state.session}:${turn}`, text, source }];
  const newest = `${state.session}:${state.turn}:`;
  const before = state.again ? linesBefore(state.lines, newest, event) : state.lines;
  return {
    ...state,
    back: false,
    turn,
    answering: true,
    again: false,
    expected: event.characters,
    hearing: state.speaking ? state.hearing : null,
    lines: [...closeReplies(before, () => true, "lost"), ...said],
  };
}

/** @param {State} state @param {Extract<ServerEvent, {type: "reply.started"}>} event @returns {State} */
export function replyStarted(state, event) {
  const line = newReply(replyKey(state, event.turn, event.reply), event);
  const places = { ...state.places };
  places[event.character_id] ??= Object.keys(places).length;
  return { ...state, places, lines: [...state.lines, line] };
}

/**
 * @param {State} state
 * @param {{turn: number, reply: number}} of
 * @param {(line: ReplyLine) => ReplyLine} change
 * @returns {State}
 */
export function replyChanged(state, { turn, reply }, change) {
  return { ...state, lines: changeReply(state.lines, replyKey(state, turn, reply), change) };
}

/** @param {State} state @param {Extract<ServerEvent, {type: "turn.done"}>} event @returns {State} */
export function turnDone(state, { turn, outcome, ledger }) {
  const lines = closeReplies(state.lines, (line) => line.turn === turn, outcome);
  const names = lines.flatMap((line) =>
    line.kind === "reply" && line.turn === turn && line.key.startsWith(`${state.session}:`) ? [line.name] : [],
  );
  const key = `${state.session}:${turn}`;
  const said = state.lines.find((line) => line.key === key);
  const source = said?.kind === "person" ? said.source : "request";
  /** @type {Turn} */
  const over = { key, turn, source, names, outcome, ledger, engines: state.engines };
  const turns = [...state.turns, over].slice(-TURNS_KEPT);
  const answering = turn < state.turn && state.answering;
  return {
    ...state,
    lines,
    turns,
    answering,
    error: outcome === "completed" ? withoutEngines(state.error) : state.error,
  };
}

/**
 * We are back: this is how the newest turn stands, whatever was told while we were away.
 * @param {State} state
 * @param {NewestTurn} newest
 * @returns {State}
 */
export function turnTold(state, newest) {
  const { turn } = newest;
  let told = turn === state.turn ? state : turnStarted(state, { type: "turn.started", ...newest });
  for (const reply of newest.replies) {
    const key = replyKey(told, turn, reply.reply);
    const known = told.lines.some((line) => line.key === key);
    if (!known) told = replyStarted(told, { type: "reply.started", turn, ...reply });
    const { text, outcome } = reply;
    told = replyChanged(told, { turn, reply: reply.reply }, (line) =>
      outcome ? ended(line, { text, outcome, heard_text: reply.heard_text ?? "" }) : { ...line, text },
    );
  }
  return { ...told, answering: newest.outcome === null };
}

/** A turn that went well: what an engine complained of before is over. @param {State["error"]} error */
function withoutEngines(error) {
  return error && ["stt_error", "llm_error", "tts_error"].includes(error.code) ? null : error;
}
