import assert from "node:assert/strict";
import { test } from "node:test";
import { HeardNow } from "../../../frontend/audio/heard-now.js";

const heard = (samples, level = 0.5) => ({ position: { turn: 1, reply: 0, samples }, level });
const SILENCE = { position: null, level: 0 };

test("what is rendered is shown when it leaves the loudspeaker, not before", () => {
  const now = new HeardNow();
  assert.equal(now.silent, true);
  now.note(heard(480), 10.2);
  now.note(heard(960, 0.7), 10.22);
  assert.equal(now.silent, false);
  assert.deepEqual(now.at(10.1), SILENCE);
  assert.deepEqual(now.at(10.21), heard(480));
  assert.deepEqual(now.at(10.3), heard(960, 0.7));
  assert.deepEqual(now.at(10.4), heard(960, 0.7));
});

test("it is silent only once the end has been heard", () => {
  const now = new HeardNow();
  now.note(heard(480), 1);
  now.note(SILENCE, 1.5);
  now.at(1);
  assert.equal(now.silent, false);
  assert.deepEqual(now.at(1.5), SILENCE);
  assert.equal(now.silent, true);
});

test("a minute in which nobody looks leaves a bounded list, with the newest in it", () => {
  const now = new HeardNow();
  for (let block = 0; block < 3000; block += 1) now.note(heard(block), block / 50);
  assert.ok(now._coming.length <= 250);
  assert.deepEqual(now.at(60), heard(2999));
});

test("another session begins in silence", () => {
  const now = new HeardNow();
  now.note(heard(480), 1);
  now.at(1);
  now.note(heard(960), 2);
  now.clear();
  assert.equal(now.silent, true);
  assert.deepEqual(now.at(3), SILENCE);
});
