// @ts-check
/// <reference path="../types.d.ts" />
/**
 * What the page shows, as one value: `reduce(state, event)` takes the server's events and a few of the page's own.
 * Lines are replaced, never changed, so whoever draws them can compare by identity. Knows nothing of DOM or sockets.
 */

import { closeReplies, ended, heardSamples, withWords } from "./lines.js";
import { replyChanged, replyKey, replyStarted, turnDone, turnStarted, turnTold } from "./turns.js";

/**
 * @typedef {"connecting" | "open" | "reconnecting" | "refused" | "elsewhere"} ConnectionStatus
 * @typedef {"off" | "asking" | "on" | "muted" | "denied" | "missing" | "failed" | "lost" | "insecure"} MicrophoneStatus
 * @typedef {import("./lines.js").PersonLine} PersonLine
 * @typedef {import("./lines.js").ReplyLine} ReplyLine
 * @typedef {import("./lines.js").NoteLine} NoteLine
 * @typedef {import("./lines.js").Line} Line
 * @typedef {{key: string, turn: number, source: "speech" | "text" | "request", names: string[], outcome: Outcome,
 *   ledger: Ledger[], engines: Record<"stt" | "llm" | "tts", Engine> | null}} Turn
 */

/**
 * @typedef {object} State
 * @property {ConnectionStatus} connection
 * @property {string} refusal why the server does not let us in
 * @property {boolean} back the connection was lost and has come back
 * @property {MicrophoneStatus} microphone
 * @property {boolean} blocked the sound is wanted, and the browser waits for a tap
 * @property {string | null} session
 * @property {string | null} conversation
 * @property {Record<"stt" | "llm" | "tts", Engine> | null} engines
 * @property {Character[]} cast
 * @property {Record<string, number>} places character id -> its place in the order of first appearance
 * @property {string[]} to characters addressed; empty: whoever the server chooses
 * @property {Line[]} lines
 * @property {{text: string, final: boolean} | null} hearing what is being understood of the person's speech
 * @property {boolean} speaking the person is speaking
 * @property {number} turn the newest turn
 * @property {boolean} answering the newest turn is not over
 * @property {boolean} again the next turn is to take the newest one's place
 * @property {string[]} expected characters that were to answer in the newest turn, in order
 * @property {Turn[]} turns that are over, with where the time went, the oldest first
 * @property {string | null} audible key of the reply being heard
 * @property {{code: string, message: string} | null} error
 */

/**
 * @typedef {{type: "connection.changed", status: ConnectionStatus, refusal?: string}
 *   | {type: "microphone.changed", status: MicrophoneStatus}
 *   | {type: "sound.blocked", blocked: boolean}
 *   | {type: "heard.changed", position: import("../audio/jitter-buffer.js").Position | null}
 *   | {type: "answer.declined"}
 *   | {type: "conversation.left"}
 *   | {type: "history.told", conversation: string, lines: Line[]}
 *   | {type: "address.toggled", character: string}
 *   | {type: "error.dismissed"}} PageEvent
 */

/** @type {State} */
export const initialState = {
  connection: "connecting",
  refusal: "",
  back: false,
  microphone: "off",
  blocked: false,
  session: null,
  conversation: null,
  engines: null,
  cast: [],
  places: {},
  to: [],
  lines: [],
  hearing: null,
  speaking: false,
  turn: 0,
  answering: false,
  again: false,
  expected: [],
  turns: [],
  audible: null,
  error: null,
};

const NOTHING_GOING_ON = { turn: 0, answering: false, expected: [], audible: null, hearing: null, speaking: false };

/**
 * @param {State} state
 * @param {ServerEvent | PageEvent} event
 * @returns {State}
 */
export function reduce(state, event) {
  switch (event.type) {
    case "connection.changed":
      return connectionChanged(state, event.status, event.refusal ?? "");
    case "microphone.changed":
      return { ...state, microphone: event.status };
    case "sound.blocked":
      return { ...state, blocked: event.blocked };
    case "heard.changed":
      return heardChanged(state, event.position);
    case "answer.declined":
      return { ...state, again: true };
    case "conversation.left":
      return { ...state, session: null, conversation: null, lines: [], turns: [], to: [], ...NOTHING_GOING_ON };
    case "history.told":
      return event.conversation === state.conversation ? historyTold(state, event.lines) : state;
    case "address.toggled":
      return { ...state, to: toggled(state.to, event.character) };
    case "error.dismissed":
      return { ...state, error: null };
    case "session.ready":
      return sessionReady(state, event);
    case "speech.started":
      return { ...state, speaking: true, hearing: { text: "", final: false } };
    case "speech.stopped":
      return { ...state, speaking: false };
    case "transcript.partial":
      return { ...state, hearing: { text: event.text, final: false } };
    case "transcript.final":
      return { ...state, hearing: event.text ? { text: event.text, final: true } : null };
    case "turn.started":
      return turnStarted(state, event);
    case "reply.started":
      return replyStarted(state, event);
    case "reply.text":
      return replyChanged(state, event, (line) => ({ ...line, text: line.text + event.delta }));
    case "reply.words":
      return replyChanged(state, event, (line) => withWords(line, event.words));
    case "reply.done":
      return replyChanged(state, event, (line) => ended(line, event));
    case "turn.done":
      return turnDone(state, event);
    case "engines.changed":
      return { ...state, engines: event.engines };
    case "error":
      return { ...state, again: false, error: { code: event.code, message: event.message } };
    default:
      return state;
  }
}

/** True while the microphone is taken, whether or not it hears anything. @param {MicrophoneStatus} microphone */
export function isMicrophoneOpen(microphone) {
  return microphone === "on" || microphone === "muted";
}

/** True while there is an answer, or its sound, to interrupt. @param {State} state */
export function canStop(state) {
  return state.answering || state.audible !== null;
}

/**
 * Told many times a second; the same state means nothing to draw.
 * @param {State} state
 * @param {import("../audio/jitter-buffer.js").Position | null} position
 * @returns {State}
 */
function heardChanged(state, position) {
  const key = position && replyKey(state, position.turn, position.reply);
  const lines = position && key ? heardSamples(state.lines, key, position.samples) : state.lines;
  return state.audible === key && state.lines === lines ? state : { ...state, audible: key, lines };
}

/** What was said before we came; asked for twice, it is told twice. @param {State} state @param {Line[]} lines */
function historyTold(state, lines) {
  const places = { ...state.places };
  for (const line of lines) if (line.kind === "reply") places[line.characterId] ??= Object.keys(places).length;
  const told = new Set(lines.map(({ key }) => key));
  return { ...state, places, lines: [...lines, ...state.lines.filter(({ key }) => !told.has(key))] };
}

/** @param {string[]} list @param {string} item */
function toggled(list, item) {
  return list.includes(item) ? list.filter((other) => other !== item) : [...list, item];
}

/** @param {State} state @param {ConnectionStatus} status @param {string} refusal @returns {State} */
function connectionChanged(state, status, refusal) {
  const back = status === "open" && state.session !== null;
  const gone = status !== "open";
  return {
    ...state,
    connection: status,
    refusal,
    back,
    hearing: gone ? null : state.hearing,
    speaking: gone ? false : state.speaking,
    answering: gone ? false : state.answering, // the server says how the turn stands when we are back
  };
}

/** @param {State} state @param {Extract<ServerEvent, {type: "session.ready"}>} event @returns {State} */
function sessionReady(state, event) {
  const places = { ...state.places };
  for (const { id } of event.characters) places[id] ??= Object.keys(places).length;
  const ids = event.characters.map(({ id }) => id);
  const ready = {
    ...state,
    session: event.session,
    conversation: event.conversation,
    engines: event.engines,
    cast: JSON.stringify(event.characters) === JSON.stringify(state.cast) ? state.cast : event.characters,
    places,
    to: state.to.filter((id) => ids.includes(id)),
  };
  const { newest_turn } = event;
  if (state.session === event.session) return newest_turn ? turnTold(ready, newest_turn) : ready;
  // A page that was loaded again: what is over it learns from the stored conversation.
  if (state.session === null) return newest_turn?.outcome === null ? turnTold(ready, newest_turn) : ready;
  const remembered = state.conversation === event.conversation;
  const lines = closeReplies(state.lines, () => true, "lost");
  return {
    ...ready,
    lines: remembered ? lines : [...lines, newConversationNote(event.session)],
    ...NOTHING_GOING_ON,
  };
}

/** @param {string} session @returns {NoteLine} */
function newConversationNote(session) {
  const text = "The server has begun a new conversation. The characters do not remember what is above.";
  return { kind: "note", key: session, text };
}
