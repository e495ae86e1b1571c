import assert from "node:assert/strict";
import { test } from "node:test";
import {
  LONGEST_S,
  NO_RECORDING,
  isFull,
  microphoneProblem,
  recordingAfter,
  recordingText,
} from "../../../frontend/panels/cast/recording.js";

const sound = new Blob(["x"]);
const heard = (seconds) => ({ type: "heard", seconds, level: 0.5 });
const after = (...events) => events.reduce(recordingAfter, NO_RECORDING);

test("a recording is asked for, heard, and there when it ends", () => {
  assert.equal(after({ type: "asked" }).stage, "asking");
  assert.deepEqual(after({ type: "asked" }, heard(1.5)), { stage: "recording", seconds: 1.5, level: 0.5 });
  const whole = after({ type: "asked" }, heard(12), { type: "stopped", sound });
  assert.deepEqual(whole, { stage: "recorded", seconds: 12, sound });
});

test("it is full at 30 s and never says more", () => {
  assert.equal(isFull(after({ type: "asked" }, heard(29.9))), false);
  const full = after({ type: "asked" }, heard(31));
  assert.equal(isFull(full), true);
  assert.equal(full.seconds, LONGEST_S);
});

test("what is too short is no recording, and says how long it must be", () => {
  const short = after({ type: "asked" }, heard(2), { type: "stopped", sound });
  assert.equal(short.stage, "failed");
  assert.match(short.problem, /3 seconds/);
});

test("what comes after the end changes nothing", () => {
  const whole = after({ type: "asked" }, heard(12), { type: "stopped", sound });
  assert.equal(recordingAfter(whole, heard(13)), whole);
  assert.equal(recordingAfter(whole, { type: "stopped", sound: new Blob(["y"]) }), whole);
  assert.equal(after(heard(1)), NO_RECORDING);
  assert.equal(recordingAfter(whole, { type: "discarded" }), NO_RECORDING);
});

test("every stage says what to do, and a long recording when it stops", () => {
  const stages = [NO_RECORDING, after({ type: "asked" }), after({ type: "asked" }, heard(2))];
  assert.equal(new Set(stages.map(recordingText)).size, 3);
  assert.match(recordingText(after({ type: "asked" }, heard(25))), /30 s/);
  assert.match(recordingText(after({ type: "asked" }, heard(5), { type: "stopped", sound })), /Longer/);
  assert.equal(recordingText(after({ type: "failed", problem: "No." })), "No.");
});

test("a missing and a forbidden microphone have different remedies", () => {
  const named = (name) => microphoneProblem(new DOMException("", name));
  assert.match(named("NotAllowedError"), /Allow/);
  assert.match(named("NotFoundError"), /Connect one/);
  assert.match(named("NotReadableError"), /another program/);
  assert.match(named("NotSupportedError"), /https/);
});
