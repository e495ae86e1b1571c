import assert from "node:assert/strict";
import { test } from "node:test";
import { canStop, initialState, reduce } from "../../../frontend/model/state.js";

const engine = { name: "offline", stand_in: true, ready: true, detail: "" };
const cast = [
  { id: "nova", name: "Nova" },
  { id: "rex", name: "Rex" },
];
const ready = {
  type: "session.ready",
  session: "s1",
  resume_token: "t",
  conversation: "c",
  output_rate: 24000,
  engines: { stt: engine, llm: engine, tts: engine },
  characters: cast,
};
const turn = { type: "turn.started", turn: 1, text: "Hello", source: "text", characters: ["nova"] };
const reply = {
  type: "reply.started",
  turn: 1,
  reply: 0,
  message_id: "m",
  character_id: "nova",
  character_name: "Nova",
};
const text = (delta) => ({ type: "reply.text", turn: 1, reply: 0, delta });
const done = (outcome, written, heard_text) => ({
  type: "reply.done",
  turn: 1,
  reply: 0,
  message_id: "m",
  outcome,
  text: written,
  heard_text,
});

const after = (...events) => events.reduce(reduce, initialState);
const last = (state) => state.lines.at(-1);

/** A reply of two words of which the first has sounded. */
const HEARD_HALF = [
  { type: "reply.text", turn: 1, reply: 0, delta: "One two" },
  {
    type: "reply.words",
    ...{ turn: 1, reply: 0, sentence: 0 },
    words: [
      [0, 3, 100],
      [4, 7, 300],
    ],
  },
  { type: "heard.changed", position: { turn: 1, reply: 0, samples: 120 } },
];

test("the configuration confirmed again changes nothing that is shown", () => {
  const state = after(ready, turn, reply, text("Hi."));
  assert.deepEqual(reduce(state, ready), state);
});

test("a caption grows with the reply's text", () => {
  assert.equal(last(after(ready, turn, reply, text("Good "), text("day."))).text, "Good day.");
});

test("a greeting is no line of the person's", () => {
  const state = after(ready, { ...turn, source: "request", text: "" }, reply, text("Welcome."));
  assert.deepEqual(
    state.lines.map((line) => line.text),
    ["Welcome."],
  );
});

const shown = (state) => state.lines.map((line) => line.text);
const again = { type: "answer.declined" };

test("an answer that is had again takes the place of the one before", () => {
  const answered = after(ready, turn, reply, text("Good day."), done("completed", "Good day.", "Good day."));
  assert.deepEqual(shown(after(ready, turn, reply, text("Hi."), again)), ["Hello", "Hi."]);
  const state = [again, { ...turn, turn: 2 }, { ...reply, turn: 2 }].reduce(reduce, answered);
  assert.deepEqual(shown(state), ["Hello", ""]);
  assert.deepEqual(shown(reduce(state, { ...turn, turn: 3 })), ["Hello", "", "Hello"]);
});

test("another greeting takes the place of the one before, and of nothing else", () => {
  const greeting = { ...turn, turn: 2, source: "request", text: "" };
  const greeted = after(ready, turn, reply, text("Hi."), greeting, { ...reply, turn: 2 });
  assert.deepEqual(shown([again, { ...greeting, turn: 3 }].reduce(reduce, greeted)), ["Hello", "Hi."]);
});

test("what cannot be had again stays", () => {
  const refused = { type: "error", code: "invalid_request", message: "there is nothing to answer again" };
  const state = after(ready, turn, reply, text("Hi."), again, refused, { ...turn, turn: 2 });
  assert.deepEqual(shown(state), ["Hello", "Hi.", "Hello"]);
  assert.deepEqual(shown(after(ready, turn, reply, again, { ...turn, turn: 2, text: "Go on" })), [
    "Hello",
    "",
    "Go on",
  ]);
});

test("a line that does not change stays the same object, so it is not drawn again", () => {
  const before = after(ready, turn, reply, text("a"));
  const next = reduce(before, text("b"));
  assert.equal(next.lines[0], before.lines[0]);
  assert.notEqual(next.lines[1], before.lines[1]);
});

test("an interrupted reply keeps what was heard apart from what was not", () => {
  const line = last(
    after(ready, turn, reply, text("One two three."), done("interrupted", "One two three.", "One two")),
  );
  assert.equal(line.outcome, "interrupted");
  assert.equal(line.heardText, "One two");
  assert.equal(line.text, "One two three.");
});

test("text missed while the connection was away comes back with the reply's end", () => {
  const line = last(after(ready, turn, reply, text("One"), done("completed", "One two.", "One two.")));
  assert.equal(line.text, "One two.");
  assert.equal(line.heardText, "One two.");
});

test("two characters answer in two bubbles, each with its own text", () => {
  const rex = { ...reply, reply: 1, character_id: "rex", character_name: "Rex" };
  const state = after(ready, turn, reply, rex, text("N"), { ...text("R"), reply: 1 });
  assert.deepEqual(
    state.lines.slice(1).map(({ name, text: said }) => [name, said]),
    [
      ["Nova", "N"],
      ["Rex", "R"],
    ],
  );
});

test("text for a reply nobody has begun is ignored", () => {
  const state = after(ready, turn, text("x"));
  assert.equal(state.lines.length, 1);
});

test("partial words are shown while they are heard and become the person's line when the turn starts", () => {
  const speaking = after(ready, { type: "speech.started", audio_ms: 0 }, { type: "transcript.partial", text: "hel" });
  assert.deepEqual(speaking.hearing, { text: "hel", final: false });
  const final = [
    { type: "speech.stopped", audio_ms: 9 },
    { type: "transcript.final", text: "Hello" },
  ].reduce(reduce, speaking);
  assert.deepEqual(final.hearing, { text: "Hello", final: true });
  const started = reduce(final, { ...turn, source: "speech" });
  assert.equal(started.hearing, null);
  assert.equal(last(started).text, "Hello");
});

test("an utterance without words leaves nothing behind", () => {
  const state = after(ready, { type: "speech.started", audio_ms: 0 }, { type: "transcript.final", text: "" });
  assert.equal(state.hearing, null);
});

test("one can only interrupt while there is an answer", () => {
  assert.equal(after(ready).answering, false);
  assert.equal(after(ready, turn).answering, true);
  assert.equal(after(ready, turn, { type: "turn.done", turn: 1, outcome: "completed", ledger: [] }).answering, false);
});

test("a lost connection ends the answer, yet what still sounds can be stopped", () => {
  const audible = { type: "heard.changed", position: { turn: 1, reply: 0, samples: 1 } };
  const state = after(ready, turn, reply, audible, { type: "connection.changed", status: "reconnecting" });
  assert.equal(state.answering, false);
  assert.equal(canStop(state), true);
  assert.equal(canStop(reduce(state, { type: "heard.changed", position: null })), false);
});

test("the late end of an older turn does not end the newer one", () => {
  const state = after(
    ready,
    turn,
    { ...turn, turn: 2 },
    { type: "turn.done", turn: 1, outcome: "interrupted", ledger: [] },
  );
  assert.equal(state.answering, true);
});

test("no caption stays open after its turn", () => {
  assert.equal(
    last(after(ready, turn, reply, { type: "turn.done", turn: 1, outcome: "failed", ledger: [] })).outcome,
    "failed",
  );
  assert.equal(after(ready, turn, reply, { ...turn, turn: 2 }).lines[1].outcome, "lost");
});

test("the same session after a loss goes on as it was", () => {
  const lost = reduce(after(ready, turn, reply, text("One ")), { type: "connection.changed", status: "reconnecting" });
  const state = [{ type: "connection.changed", status: "open" }, ready, text("two.")].reduce(reduce, lost);
  assert.equal(last(state).text, "One two.");
  assert.equal(state.back, true);
});

test("another session after a loss says so and does not mix its turns with the old ones", () => {
  const state = [{ ...ready, session: "s2", conversation: "c2" }, turn, reply, text("New")].reduce(
    reduce,
    after(ready, turn, reply, text("Old")),
  );
  assert.deepEqual(
    state.lines.map(({ kind }) => kind),
    ["person", "reply", "note", "person", "reply"],
  );
  assert.equal(state.lines[1].outcome, "lost");
  assert.equal(state.lines[1].text, "Old");
  assert.equal(last(state).text, "New");
  assert.equal(new Set(state.lines.map(({ key }) => key)).size, 5);
});

const newest = (turn, outcome, ...replies) => ({
  turn,
  text: "Hello",
  source: "text",
  characters: ["nova"],
  outcome,
  replies: replies.map((written, index) => ({
    reply: index,
    message_id: `m${index}`,
    character_id: "nova",
    character_name: "Nova",
    heard_text: null,
    ...written,
  })),
});

test("back in the same session, the newest turn is shown as it stands and goes on", () => {
  const lost = after(ready, turn, reply, text("Good "), { type: "connection.changed", status: "reconnecting" });
  const back = reduce(lost, { ...ready, newest_turn: newest(1, null, { text: "Good day to", outcome: null }) });
  assert.deepEqual(
    back.lines.map(({ text }) => text),
    ["Hello", "Good day to"],
  );
  assert.equal(back.answering, true);
  assert.equal(last(reduce(back, text(" you."))).text, "Good day to you.");
});

test("a turn that began and ended while we were away is shown whole", () => {
  const lost = after(ready, turn, reply, text("Good day."), { type: "connection.changed", status: "reconnecting" });
  const cut = { text: "One two three.", outcome: "interrupted", heard_text: "One two" };
  const back = reduce(lost, {
    ...ready,
    newest_turn: newest(2, "interrupted", { text: "Yes.", outcome: "completed" }, cut),
  });
  assert.deepEqual(
    back.lines.map(({ text }) => text),
    ["Hello", "Good day.", "Hello", "Yes.", "One two three."],
  );
  assert.deepEqual([back.lines[3].heardText, last(back).heardText], ["Yes.", "One two"]);
  assert.equal(back.answering, false);
});

test("another session that goes on with the same conversation is not told as a loss of memory", () => {
  const lost = after(ready, turn, reply, text("Good day."), { type: "connection.changed", status: "reconnecting" });
  const back = reduce(lost, { ...ready, session: "s2" });
  assert.deepEqual(
    back.lines.map(({ kind }) => kind),
    ["person", "reply"],
  );
  assert.equal(back.turn, 0);
});

test("addressing toggles, and forgets who has left the cast", () => {
  const toggle = (character) => ({ type: "address.toggled", character });
  assert.deepEqual(after(ready, toggle("nova"), toggle("rex"), toggle("nova")).to, ["rex"]);
  assert.deepEqual(after(ready, toggle("rex"), { ...ready, characters: [cast[0]] }).to, []);
});

test("a character keeps its colour when the cast changes", () => {
  const state = after(ready, { ...ready, characters: [{ id: "zoe", name: "Zoe" }, cast[1]] });
  assert.deepEqual(state.places, { nova: 0, rex: 1, zoe: 2 });
});

test("the reply being heard is marked, and hearing it told again draws nothing", () => {
  const mark = { type: "heard.changed", position: { turn: 1, reply: 0, samples: 480 } };
  const state = after(ready, turn, reply, mark);
  assert.equal(state.audible, last(state).key);
  assert.equal(reduce(state, mark), state);
});

test("an error stays until it is dismissed", () => {
  const state = after(ready, { type: "error", code: "invalid_request", message: "No." }, turn);
  assert.deepEqual(state.error, { code: "invalid_request", message: "No." });
  assert.equal(reduce(state, { type: "error.dismissed" }).error, null);
});

test("an event of a kind not known here changes nothing", () => {
  const state = after(ready);
  assert.equal(reduce(state, { type: "something.new" }), state);
});

test("a page that was loaded again shows the turn that is going on, and leaves one that is over to the history", () => {
  const told = { turn: 7, text: "Hello", source: "text", characters: ["nova"], replies: [] };
  const going = after({ ...ready, newest_turn: { ...told, outcome: null } });
  assert.deepEqual([going.turn, going.answering, going.lines.length], [7, true, 1]);
  const over = after({ ...ready, newest_turn: { ...told, outcome: "completed" } });
  assert.deepEqual([over.answering, over.lines.length], [false, 0]);
});

test("the word that sounds is marked, and what has sounded is known", () => {
  const speaking = after(ready, turn, reply, ...HEARD_HALF);
  const line = last(speaking);
  assert.deepEqual([line.heardText, line.speaking.start], ["One", 0]);
  const same = reduce(speaking, { type: "heard.changed", position: { turn: 1, reply: 0, samples: 121 } });
  assert.equal(same, speaking, "nothing to draw between two words");
});

test("turns that are over are kept with where their time went, the oldest forgotten", () => {
  const done = { type: "turn.done", turn: 1, outcome: "completed", ledger: [{ reply: 0 }] };
  const [kept] = after(ready, turn, reply, done).turns;
  assert.deepEqual([kept.source, kept.names, kept.ledger], ["text", ["Nova"], [{ reply: 0 }]]);
  const many = Array.from({ length: 60 }, (_, i) => ({ ...done, turn: i + 1 }));
  assert.equal(after(ready, ...many).turns.length, 50);
});

test("who leaves a conversation in the middle of a word is not waited for in the next one", () => {
  const state = after(ready, { type: "speech.started", audio_ms: 0 }, { type: "conversation.left" });
  assert.equal(state.speaking, false);
  assert.equal(state.hearing, null);
});

test("what was said before is shown once, however often it is asked for", () => {
  const told = {
    type: "history.told",
    conversation: "c",
    lines: [{ kind: "person", key: "l1", text: "Hi", source: "text" }],
  };
  assert.equal(after(ready, told, turn, told).lines.length, 2);
});

test("the same cast confirmed is the same object, so the portraits keep the focus", () => {
  const state = after(ready);
  const again = reduce(state, { ...ready, session: "s2", characters: structuredClone(cast) });
  assert.equal(again.cast, state.cast);
});

test("of a reply that was lost with its server, what never sounded is not shown as heard", () => {
  const lost = after(
    ready,
    turn,
    reply,
    ...HEARD_HALF,
    { type: "connection.changed", status: "reconnecting" },
    { ...ready, session: "s2" },
  );
  assert.deepEqual([last(lost).outcome, last(lost).heardText], ["lost", "One"]);
});

test("what an engine complained of is over with the next turn that goes well", () => {
  const done = (outcome) => ({ type: "turn.done", turn: 1, outcome, ledger: [] });
  const failed = after(ready, turn, { type: "error", code: "llm_error", message: "gone" }, done("failed"));
  assert.equal(failed.error.message, "gone");
  assert.equal(reduce(failed, done("completed")).error, null);
  const other = after(ready, turn, { type: "error", code: "no_sound", message: "silent" }, done("completed"));
  assert.equal(other.error.message, "silent");
});
