import assert from "node:assert/strict";
import { test } from "node:test";
import { linesOfTurnsOver, storedLines } from "../../../frontend/model/history.js";
import { heardAndCut } from "../../../frontend/model/lines.js";
import { initialState, reduce } from "../../../frontend/model/state.js";

const at = { turn: 1, at: 1795306077 };
const person = { id: "m1", ...at, kind: "person", text: "Hello", to: [], spoken: true };
const reply = {
  ...{ id: "m2", ...at, kind: "reply", character_id: "nora", character_name: "Nora" },
  ...{ text: "One. Two.", heard_text: "One. Two.", outcome: "completed" },
};

test("what was said comes back as lines of the page, in order, each with a key of its own", () => {
  const lines = storedLines([person, reply, { ...person, id: "m3", spoken: false }]);
  assert.deepEqual(
    lines.map(({ kind, key, text }) => [kind, key, text]),
    [
      ["person", "m1", "Hello"],
      ["reply", "m2", "One. Two."],
      ["person", "m3", "Hello"],
    ],
  );
  assert.deepEqual([lines[0].source, lines[2].source], ["speech", "text"]);
  assert.deepEqual([lines[1].characterId, lines[1].name, lines[1].outcome], ["nora", "Nora", "completed"]);
});

test("what nobody said is not shown: instructions, function calls, replies that came to nothing", () => {
  const unsaid = [
    { id: "n", ...at, kind: "note", text: "Be brief." },
    { id: "c", ...at, kind: "call", name: "look_up", arguments: "{}" },
    { id: "r", ...at, kind: "result", call_id: "c", output: "1" },
    { ...reply, text: "", heard_text: "", outcome: "failed" },
  ];
  assert.deepEqual(storedLines(unsaid), []);
});

test("a reply that was cut keeps what was heard of it, one that was lost all its text", () => {
  const cut = storedLines([{ ...reply, heard_text: "One.", outcome: "interrupted" }])[0];
  const lost = storedLines([{ ...reply, heard_text: "", outcome: null }])[0];
  assert.deepEqual(heardAndCut(cut), ["One. ", "Two."]);
  assert.equal(lost.outcome, "lost");
  assert.deepEqual(heardAndCut(lost), ["One. Two.", ""]);
  assert.deepEqual(heardAndCut({ ...cut, heardText: "" }), ["", "One. Two."]);
});

test("the events of a new turn leave the lines of before alone", () => {
  const history = storedLines([person, reply]);
  const started = { type: "turn.started", turn: 1, text: "Go on", source: "text", characters: ["nora"] };
  const replied = { type: "reply.started", turn: 1, reply: 0, message_id: "m", character_id: "nora" };
  const events = [started, { ...replied, character_name: "Nora" }, { type: "turn.done", turn: 1, ledger: [] }];
  const state = events.reduce(reduce, { ...initialState, session: "s", lines: history });
  assert.deepEqual(state.lines.slice(0, 2), history);
  assert.deepEqual(state.turns[0].names, ["Nora"]);
});

test("a turn that is going on is left to its session, one that is over is not", () => {
  const turns = [
    { turn: 1, outcome: "completed" },
    { turn: 2, outcome: null },
  ];
  const lines = [person, reply, { ...person, id: "m3", turn: 2 }, { ...person, id: "m4", turn: null }];
  assert.deepEqual(
    linesOfTurnsOver({ lines, turns }).map(({ id }) => id),
    ["m1", "m2", "m4"],
  );
});
