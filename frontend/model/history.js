// @ts-check
/// <reference path="../types.d.ts" />
/** From a stored conversation, as `GET /api/conversations/{id}` answers it, to lines of the page. Pure. */

/** @typedef {import("./state.js").Line} Line */
/** @typedef {import("./state.js").ReplyLine} ReplyLine */

/**
 * @typedef {{id: string, turn: number | null, at: number} & (
 *   | {kind: "person", text: string, spoken: boolean}
 *   | {kind: "reply", character_id: string, character_name: string, text: string, heard_text: string,
 *      outcome: Outcome | null}
 *   | {kind: "note" | "call" | "result"})} StoredLine
 */

/**
 * What was said, in order. Instructions to the characters, function calls, and replies that came to nothing are left
 * out: nobody has said them.
 * @param {StoredLine[]} stored
 * @returns {Line[]}
 */
export function storedLines(stored) {
  return stored.flatMap((line) => {
    if (line.kind === "person") {
      const { id, text, spoken } = line;
      return [/** @type {Line} */ ({ kind: "person", key: id, text, source: spoken ? "speech" : "text" })];
    }
    return line.kind === "reply" && line.text !== "" ? [replyLine(line)] : [];
  });
}

/** @param {Extract<StoredLine, {kind: "reply"}>} line @returns {ReplyLine} */
function replyLine({ id, turn, character_id, character_name, text, heard_text, outcome }) {
  return {
    kind: "reply",
    key: id,
    turn: turn ?? 0,
    characterId: character_id,
    name: character_name,
    text,
    heardText: outcome === "completed" || outcome === null ? text : heard_text,
    words: [],
    speaking: null,
    outcome: outcome ?? "lost", // the server went away in the middle of it
  };
}

/**
 * The lines but for those of a turn that is not over, which its session tells.
 * @param {{lines: StoredLine[], turns: {turn: number, outcome: Outcome | null}[]}} stored
 */
export function linesOfTurnsOver({ lines, turns }) {
  const open = turns.filter(({ outcome }) => outcome === null).map(({ turn }) => turn);
  return lines.filter(({ turn }) => turn === null || !open.includes(turn));
}
