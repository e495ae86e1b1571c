import assert from "node:assert/strict";
import { test } from "node:test";
import { heardTo, spokenAt, withSentence } from "../../../frontend/model/words.js";

const TEXT = "We sail at dawn. Are you coming?";
const FIRST = [
  [0, 2, 100],
  [3, 7, 300],
  [8, 10, 500],
  [11, 16, 700],
];
const SECOND = [
  [17, 20, 1100],
  [21, 24, 1300],
  [25, 32, 1500],
];
const words = (...sentences) => sentences.reduce((known, told) => withSentence(known, TEXT, told), []);

test("what was heard ends at the last word whose sample was reached", () => {
  const known = words(FIRST, SECOND);
  assert.equal(TEXT.slice(0, heardTo(known, 99)), "");
  assert.equal(TEXT.slice(0, heardTo(known, 100)), "We");
  assert.equal(TEXT.slice(0, heardTo(known, 1299)), "We sail at dawn. Are");
  assert.equal(heardTo(known, 99999), TEXT.length);
});

test("a sentence told again takes the place of what was told before, in any order", () => {
  const better = FIRST.map(([start, end, sample]) => [start, end, sample / 2]);
  assert.deepEqual(words(FIRST, SECOND, better), words(better, SECOND));
  assert.deepEqual(words(SECOND, FIRST), words(FIRST, SECOND));
});

test("the word being spoken is the one whose middle is nearest", () => {
  const known = words(FIRST);
  const spoken = (samples) => TEXT.slice(spokenAt(known, samples).start, spokenAt(known, samples).end);
  assert.equal(spoken(0), "We");
  assert.equal(spoken(199), "We");
  assert.equal(spoken(201), "sail");
  assert.equal(spoken(9999), "dawn.");
  assert.equal(spokenAt([], 5), null);
});

test("places in code points are found in text with signs outside the basic plane", () => {
  const text = "𝄞 Ἀ 𠀀字 end";
  const told = [
    [0, 1, 1],
    [2, 3, 2],
    [4, 5, 3],
    [5, 6, 4],
    [7, 10, 5],
  ];
  const found = withSentence([], text, told).map(({ start, end }) => text.slice(start, end));
  assert.deepEqual(found, ["𝄞", "Ἀ", "𠀀", "字", "end"]);
});
