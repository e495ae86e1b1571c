// @ts-check
/// <reference path="../types.d.ts" />
/** The lines of a conversation, and how they change. A line is replaced, never changed. Pure. */

import { heardTo, spokenAt, withSentence } from "./words.js";

/**
 * @typedef {import("./words.js").Word} Word
 * @typedef {{kind: "person", key: string, text: string, source: "speech" | "text"}} PersonLine
 * @typedef {object} ReplyLine
 * @property {"reply"} kind
 * @property {string} key
 * @property {number} turn
 * @property {string} characterId
 * @property {string} name
 * @property {string} text all that was written so far
 * @property {string} heardText a prefix of `text`; while the reply is open, what has sounded here; in the end, what the
 *   server says was heard
 * @property {Word[]} words when which word is heard
 * @property {Word | null} speaking the word that sounds now
 * @property {"open" | "lost" | Outcome} outcome "lost": the connection went before the reply's end was told
 * @typedef {{kind: "note", key: string, text: string}} NoteLine
 * @typedef {PersonLine | ReplyLine | NoteLine} Line
 */

/** @param {string} key @param {Extract<ServerEvent, {type: "reply.started"}>} event @returns {ReplyLine} */
export function newReply(key, { turn, character_id, character_name }) {
  return {
    kind: "reply",
    key,
    turn,
    characterId: character_id,
    name: character_name,
    text: "",
    heardText: "",
    words: [],
    speaking: null,
    outcome: "open",
  };
}

/**
 * The lines with one of the replies changed.
 * @param {Line[]} lines
 * @param {string} key
 * @param {(line: ReplyLine) => ReplyLine} change
 */
export function changeReply(lines, key, change) {
  return lines.map((line) => (line.kind === "reply" && line.key === key ? change(line) : line));
}

/** @param {ReplyLine} line @param {HeardWord[]} told of one of its sentences @returns {ReplyLine} */
export function withWords(line, told) {
  return { ...line, words: withSentence(line.words, line.text, told) };
}

/**
 * A reply as its end was told.
 * @param {ReplyLine} line
 * @param {{text: string, outcome: Outcome, heard_text: string}} end
 * @returns {ReplyLine}
 */
export function ended(line, { text, outcome, heard_text }) {
  return { ...line, speaking: null, text, heardText: outcome === "completed" ? text : heard_text, outcome };
}

/**
 * Replies still open whose end was never told, ended as `outcome`: with all their text, or, when lost, as far as they sounded.
 * @param {Line[]} lines
 * @param {(line: ReplyLine) => boolean} which
 * @param {"lost" | Outcome} outcome
 * @returns {Line[]}
 */
export function closeReplies(lines, which, outcome) {
  return lines.map((line) =>
    line.kind === "reply" && line.outcome === "open" && which(line)
      ? { ...line, speaking: null, heardText: outcome === "lost" ? sounded(line) : line.text, outcome }
      : line,
  );
}

/** What of a reply has sounded here, as far as that is known. @param {ReplyLine} line */
function sounded({ words, heardText, text }) {
  return words.length > 0 ? heardText : text;
}

/**
 * The lines that stay when a turn is answered again: those before what the person said, or, where nothing was said,
 * all but that turn's replies.
 * @param {Line[]} lines
 * @param {string} newest how the keys of that turn's replies begin
 * @param {{text: string, source: PersonLine["source"] | "request"}} again
 */
export function linesBefore(lines, newest, { text, source }) {
  if (source === "request") return lines.filter(({ key }) => !key.startsWith(newest));
  const asked = lines.findLastIndex(({ kind }) => kind === "person");
  const line = lines[asked];
  return line?.kind === "person" && line.text === text ? lines.slice(0, asked) : lines;
}

/**
 * The lines once `samples` of a reply have sounded; the same where that changes nothing.
 * @param {Line[]} lines
 * @param {string} key
 * @param {number} samples
 */
export function heardSamples(lines, key, samples) {
  const reply = lines.findLast((line) => line.key === key);
  if (reply?.kind !== "reply" || reply.outcome !== "open") return lines;
  const speaking = spokenAt(reply.words, samples);
  const heard = heardTo(reply.words, samples);
  if (speaking === reply.speaking && heard === reply.heardText.length) return lines;
  const heardText = reply.text.slice(0, heard);
  return changeReply(lines, key, (line) => ({ ...line, speaking, heardText }));
}

/**
 * A reply's text in two parts: as far as it was heard, with the white space after it, and what was cut off.
 * @param {Pick<ReplyLine, "text" | "heardText" | "outcome">} line
 * @returns {[heard: string, cut: string]}
 */
export function heardAndCut({ text, heardText, outcome }) {
  if ((outcome !== "interrupted" && outcome !== "lost") || !text.startsWith(heardText)) return [text, ""];
  const rest = text.slice(heardText.length);
  const place = text.length - rest.trimStart().length;
  return [text.slice(0, place), text.slice(place)];
}
