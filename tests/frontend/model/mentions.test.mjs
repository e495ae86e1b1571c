import assert from "node:assert/strict";
import { test } from "node:test";
import { beingTyped, matching, mentions } from "../../../frontend/model/mentions.js";

const cast = [
  { id: "ann", name: "Ann" },
  { id: "anna", name: "Anna Lee" },
  { id: "layla", name: "ليلى" },
  { id: "mei", name: "美" },
];

test("who is named after a sign is addressed, in order and once, and the sign is not read", () => {
  assert.deepEqual(mentions("@anna lee and @Ann, and @Ann again", cast), {
    text: "anna lee and Ann, and Ann again",
    to: ["anna", "ann"],
  });
  assert.deepEqual(mentions("مرحبا @ليلى", cast).to, ["layla"]);
});

test("addresses of mail, unknown names and longer words are left as they are", () => {
  for (const text of ["ann@example.org", "@nobody hello", "@Annabel hello", "@ Ann", "no sign"]) {
    assert.deepEqual(mentions(text, cast), { text, to: [] });
  }
});

test("a mention being typed is found before the caret only", () => {
  assert.deepEqual(beingTyped("hello @An", 9), { from: 6, query: "An" });
  assert.deepEqual(beingTyped("@", 1), { from: 0, query: "" });
  assert.equal(beingTyped("hello @An there", 15), null);
  assert.equal(beingTyped("me@An", 5), null);
});

test("names are offered by any of their words", () => {
  assert.deepEqual(
    matching(cast, "le").map(({ id }) => id),
    ["anna"],
  );
  assert.deepEqual(
    matching(cast, "AN").map(({ id }) => id),
    ["ann", "anna"],
  );
  assert.equal(matching(cast, "").length, 4);
});
