import assert from "node:assert/strict";
import { test } from "node:test";
import { HeardPositions } from "../../../frontend/audio/heard.js";

const at = (reply, samples) => ({ turn: 1, reply, samples });

test("what is rendered counts as heard only once it has left the loudspeaker", () => {
  const heard = new HeardPositions();
  heard.note(at(0, 480), 10.3);
  assert.deepEqual(heard.report(10.2), []);
  assert.deepEqual(heard.report(10.3), [at(0, 480)]);
  assert.deepEqual(heard.report(11), []);
});

test("the newest position of each reply is told, so a finished reply is told to its end", () => {
  const heard = new HeardPositions();
  for (const [reply, samples] of [
    [0, 100],
    [0, 200],
    [1, 50],
    [1, 90],
  ])
    heard.note(at(reply, samples), 1);
  assert.deepEqual(heard.due(2), [at(0, 200), at(1, 90)]);
});

test("reports are 200 ms apart while playing", () => {
  const heard = new HeardPositions();
  const times = [];
  for (let now = 0; now < 1; now += 0.02) {
    heard.note(at(0, now * 24000), now);
    if (heard.due(now).length > 0) times.push(now);
  }
  assert.equal(times.length, 5);
});

test("at a stop everything rendered is told at once", () => {
  const heard = new HeardPositions();
  heard.note(at(0, 100), 1);
  heard.due(1);
  heard.note(at(0, 300), 1.2);
  assert.deepEqual(heard.report(Infinity), [at(0, 300)]);
});
