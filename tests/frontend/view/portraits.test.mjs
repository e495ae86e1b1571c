import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Portraits } from "../../../frontend/view/portraits.js";

/** @type {string[]} */
let asked;
let away;
/** @type {Portraits} */
let portraits;

const ada = { id: "ada", updated_at: 1, has_portrait: true };

beforeEach(() => {
  asked = [];
  away = false;
  const blob = async (path) => {
    asked.push(path);
    if (away) throw new Error("The server does not answer.");
    return new Blob(["picture"]);
  };
  portraits = new Portraits({ blob });
});

test("a portrait is fetched once, whoever asks and however often", async () => {
  await Promise.all([portraits.update([ada]), portraits.update([ada])]);
  await portraits.update([ada]);
  assert.deepEqual(asked, ["/api/characters/ada/portrait"]);
  assert.match(portraits.addresses.get("ada"), /^blob:/);
});

test("a character that has changed gets its new portrait, and the old one is let go of", async () => {
  await portraits.update([ada]);
  const before = portraits.addresses.get("ada");
  await portraits.update([{ ...ada, updated_at: 2 }]);
  assert.notEqual(portraits.addresses.get("ada"), before);
  await assert.rejects(fetch(before));
});

test("a portrait that was removed is not shown any more", async () => {
  await portraits.update([ada]);
  await portraits.update([{ ...ada, updated_at: 2, has_portrait: false }]);
  assert.equal(portraits.addresses.has("ada"), false);
  assert.equal(asked.length, 1);
});

test("a portrait that cannot be had stays as it was, and is asked for the next time", async () => {
  await portraits.update([ada]);
  const before = portraits.addresses.get("ada");
  away = true;
  await portraits.update([{ ...ada, updated_at: 2 }]);
  assert.equal(portraits.addresses.get("ada"), before);
  away = false;
  await portraits.update([{ ...ada, updated_at: 2 }]);
  assert.equal(asked.length, 3);
});
