import assert from "node:assert/strict";
import { test } from "node:test";
import { arranged, found, placeAfterKey, sceneChanged, sceneText } from "../../../frontend/panels/cast/order.js";

const cast = ["Ada", "Ben", "Cleo"].map((name) => ({ id: name.toLowerCase(), name, enabled: true }));

test("keys move by one or to an end, and never beyond", () => {
  assert.equal(placeAfterKey("ArrowUp", 1, 3), 0);
  assert.equal(placeAfterKey("ArrowDown", 1, 3), 2);
  assert.equal(placeAfterKey("Home", 2, 3), 0);
  assert.equal(placeAfterKey("End", 0, 3), 2);
  for (const [key, place] of [
    ["ArrowUp", 0],
    ["ArrowDown", 2],
    ["Home", 0],
    ["End", 2],
    ["Tab", 1],
    ["toString", 1],
  ]) {
    assert.equal(placeAfterKey(key, place, 3), null, key);
  }
});

test("an order may name characters that are gone and leave out new ones", () => {
  assert.deepEqual(
    arranged(cast, ["cleo", "gone", "ada"]).map(({ id }) => id),
    ["cleo", "ada", "ben"],
  );
});

test("a session is told of changes in the scene, and of no others", () => {
  const [ada, ben, cleo] = cast;
  const away = { ...cleo, enabled: false };
  assert.equal(sceneChanged([ada, ben, away], [away, ada, ben]), false);
  assert.equal(sceneChanged([ada, ben, away], [ada, ben, { ...away, name: "Clea" }]), false);
  assert.equal(sceneChanged([ada, ben], [ben, ada]), true);
  assert.equal(sceneChanged([ada, ben], [ada, { ...ben, voice: "nova" }]), true);
  assert.equal(sceneChanged([ada, ben, away], [ada, ben, cleo]), true);
});

test("a full scene is said to be full", () => {
  assert.equal(sceneText(cast), "3 of 3 in the scene");
  assert.match(sceneText(Array.from({ length: 12 }, () => cast[0])), /the most/);
});

test("a search finds any part of a name in any case, and everybody when it is empty", () => {
  assert.deepEqual(found(cast, " CL "), [cast[2]]);
  assert.deepEqual(found(cast, " "), cast);
});
