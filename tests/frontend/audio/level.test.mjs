import assert from "node:assert/strict";
import { test } from "node:test";
import { PowerMeter, perceivedLevel } from "../../../frontend/audio/level.js";
import { sine } from "../helpers.mjs";

test("the level is 0 in silence, 1 for the loudest speech and never beyond, and grows with each decibel", () => {
  assert.equal(perceivedLevel(0), 0);
  assert.equal(perceivedLevel(1), 1);
  const levels = [-50, -40, -30, -20].map((decibels) => perceivedLevel(10 ** (decibels / 10)));
  for (let i = 1; i < levels.length; i += 1) assert.ok(Math.abs(levels[i] - levels[i - 1] - 10 / 45) < 1e-6);
});

test("the meter gives the mean square of what came since it was last asked", () => {
  const meter = new PowerMeter();
  meter.add(sine(1000, 48000, 480));
  meter.add(sine(1000, 48000, 480));
  assert.ok(Math.abs(meter.take() - 0.5) < 1e-6);
  meter.add(new Float32Array(480));
  assert.equal(meter.take(), 0);
  assert.equal(meter.take(), 0);
});
