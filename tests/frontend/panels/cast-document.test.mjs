import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BLANK,
  changes,
  fieldsOf,
  knowledgeText,
  sampleText,
  talkativenessText,
} from "../../../frontend/panels/cast/document.js";

const stored = { ...BLANK, id: "ada", name: "Ada", enabled: true, lorebook: { entries: [] }, updated_at: 5 };

test("the form takes what it edits and leaves the rest of a stored character alone", () => {
  assert.deepEqual(fieldsOf(stored), { ...BLANK, name: "Ada" });
  assert.deepEqual(fieldsOf(null), BLANK);
});

test("a save sends what has changed and nothing else", () => {
  const before = { ...BLANK, name: "Ada", alternate_greetings: ["Hello."] };
  assert.deepEqual(changes(before, { ...before, alternate_greetings: ["Hello."] }), {});
  assert.deepEqual(changes(before, { ...before, voice: "nova", talkativeness: 0.5 }), {
    voice: "nova",
    talkativeness: 0.5,
  });
  assert.deepEqual(changes({ ...before, voice: "nova" }, before), { voice: null });
});

test("a greeting left empty is none, and counts as no change", () => {
  const before = { ...BLANK, alternate_greetings: ["Hello."] };
  assert.deepEqual(changes(before, { ...before, alternate_greetings: ["Hello.", " "] }), {});
  assert.deepEqual(changes(before, { ...before, alternate_greetings: [""] }), { alternate_greetings: [] });
});

test("each part of the slider has words of its own, and its ends are exact", () => {
  const words = [0, 0.1, 0.3, 0.6, 0.9, 1].map(talkativenessText);
  assert.equal(new Set(words).size, words.length);
  assert.equal(words[0], "Only when addressed");
  assert.equal(words[5], "Always joins in");
});

test("the entries of a lorebook are counted, and one of an unknown shape is not", () => {
  assert.match(knowledgeText({ entries: [{}, {}, {}] }), /3 entries/);
  assert.match(knowledgeText({ entries: [{}] }), /one entry/);
  for (const nothing of [null, {}, { entries: "many" }, { entries: [] }]) assert.equal(knowledgeText(nothing), "");
});

test("a voice is heard with the character's own first sentence, as it would be said", () => {
  const ada = { name: "Ada", first_message: "*waves* Mind the belt, {{user}}. I am {{char}}." };
  assert.equal(sampleText(ada, "Ben"), "Mind the belt, Ben.");
  assert.equal(sampleText(ada, ""), "Mind the belt, my friend.");
  assert.equal(
    sampleText({ name: "Ada", first_message: "I am <BOT>{{// quietly}}, $& and all." }, ""),
    "I am Ada, $& and all.",
  );
});

test("a character without words that can be said says who it is", () => {
  for (const first_message of ["", "*nods*", "…", "word ".repeat(60)]) {
    assert.equal(sampleText({ name: "Ada", first_message }, "Ben"), "Hello, I am Ada. It is good to see you.");
  }
  assert.equal(sampleText({ name: " ", first_message: "" }, ""), "Hello. It is good to see you.");
});
