import assert from "node:assert/strict";
import { test } from "node:test";
import {
  PAGE,
  dateText,
  fileName,
  pagePath,
  titleText,
  turnsText,
  whoText,
  withPage,
} from "../../../frontend/panels/conversations/pages.js";

const head = (id, updated_at, more = {}) => ({ id, updated_at, characters: [{ id: "nora", name: "Nora" }], ...more });
const ids = (heads) => heads.map(({ id }) => id);
const named = (...names) => ({ characters: names.map((name) => ({ id: name, name })) });

test("the next page begins after the oldest that is known", () => {
  assert.equal(pagePath([]), `/api/conversations?limit=${PAGE}`);
  assert.equal(pagePath([head("b", 2), head("a", 1.5)]), `/api/conversations?limit=${PAGE}&before=1.5`);
});

test("300 conversations come once each, the newest first, however many pages it takes", () => {
  const all = Array.from({ length: 300 }, (_, place) => head(`c${place}`, 1000 - place));
  let known = [];
  for (;;) {
    const before = Number(new URL(pagePath(known), "http://host").searchParams.get("before") ?? Infinity);
    const page = all.filter(({ updated_at }) => updated_at < before).slice(0, PAGE);
    known = withPage(known, page);
    if (page.length < PAGE) break;
  }
  assert.deepEqual(ids(known), ids(all));
});

test("a conversation that went on moves to the top and is told as it is now", () => {
  const known = [head("b", 2, { turns: 1 }), head("a", 1, { turns: 1 })];
  const heads = withPage(known, [head("a", 3, { turns: 2 }), head("b", 2, { turns: 1 })]);
  assert.deepEqual(ids(heads), ["a", "b"]);
  assert.equal(heads[0].turns, 2);
});

test("a conversation is called by what was said first, or by who began", () => {
  assert.equal(titleText({ opening: "Hello", ...named("Nora") }), "Hello");
  assert.equal(titleText({ opening: "", ...named("Nora") }), "Nora began");
  assert.equal(titleText({ opening: "", ...named("Nora", "Oscar") }), "They began");
});

test("who talked fits a line: at most four names, and how many others", () => {
  assert.equal(whoText(named("Nora")), "Nora");
  assert.equal(whoText(named("Nora", "Oscar", "Iris")), "Nora, Oscar and Iris");
  assert.equal(whoText(named("A", "B", "C", "D", "E")), "A, B, C and 2 others");
  assert.deepEqual([turnsText({ turns: 1 }), turnsText({ turns: 0 })], ["1 turn", "0 turns"]);
});

test("dates are those of the reader's language", () => {
  const noon = Date.UTC(2026, 10, 21, 12) / 1000;
  assert.match(dateText(noon, "de"), /21\.11\.2026/);
  assert.match(dateText(noon, "en-US"), /Nov 21, 2026/);
});

test("saved files are told apart by day and kind", () => {
  const noon = Date.UTC(2026, 10, 21, 12) / 1000;
  assert.deepEqual(
    ["json", "markdown", "wav"].map((format) => fileName(noon, format)),
    ["conversation-2026-11-21.json", "conversation-2026-11-21.md", "conversation-2026-11-21.wav"],
  );
});
