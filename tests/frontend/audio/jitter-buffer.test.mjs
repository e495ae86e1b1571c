import assert from "node:assert/strict";
import { test } from "node:test";
import { JitterBuffer } from "../../../frontend/audio/jitter-buffer.js";
import { frame } from "../helpers.mjs";

const HZ = 24000;
const TARGET = 0.08 * HZ;

/** @param {JitterBuffer} buffer */
function read(buffer, length = 240) {
  const output = new Float32Array(length);
  buffer.read(output);
  return output;
}

/** A buffer that is playing the middle of turn 1, reply 0. */
function playing(length = HZ) {
  const buffer = new JitterBuffer(HZ);
  buffer.push(frame({ length }));
  read(buffer);
  return buffer;
}

test("nothing sounds before 80 ms are queued, so that the first late frame leaves no gap", () => {
  const buffer = new JitterBuffer(HZ);
  buffer.push(frame({ length: TARGET - 1 }));
  assert.ok(read(buffer).every((x) => x === 0));
  buffer.push(frame({ firstSample: TARGET - 1, length: 1 }));
  assert.ok(read(buffer).every((x) => x === 0.5));
});

test("a short sentence does not wait for audio that never comes", () => {
  for (const flag of ["endsSentence", "endsMessage"]) {
    const buffer = new JitterBuffer(HZ);
    buffer.push(frame({ length: 240, [flag]: true }));
    assert.ok(read(buffer).every((x) => x === 0.5));
  }
});

test("a slow start is held back for 80 ms and no longer", () => {
  const buffer = new JitterBuffer(HZ);
  buffer.push(frame({ length: 480 }));
  let waited = 0;
  while (read(buffer)[0] === 0) waited += 240;
  assert.ok(waited < TARGET && waited >= TARGET - 480, `${waited} samples`);
});

test("frames join without a gap, across replies too", () => {
  const buffer = new JitterBuffer(HZ);
  buffer.push(frame({ length: 1000, value: 0.1 }));
  buffer.push(frame({ length: 1000, value: 0.2, firstSample: 1000, endsMessage: true }));
  buffer.push(frame({ length: 1000, value: 0.3, reply: 1 }));
  const output = read(buffer, 3000);
  const expected = new Float32Array(3000).fill(0.1, 0, 1000).fill(0.2, 1000, 2000).fill(0.3, 2000);
  assert.deepEqual(output, expected);
});

test("positions tell how far each reply was read, the finished one to its last sample", () => {
  const buffer = new JitterBuffer(HZ);
  buffer.push(frame({ length: 1000 }));
  buffer.push(frame({ length: 1000, firstSample: 1000 }));
  buffer.push(frame({ length: 1000, reply: 1 }));
  read(buffer, 1500);
  assert.deepEqual(buffer.takePositions(), [{ turn: 1, reply: 0, samples: 1500 }]);
  assert.deepEqual(buffer.takePositions(), []);
  read(buffer, 1000);
  assert.deepEqual(buffer.takePositions(), [
    { turn: 1, reply: 0, samples: 2000 },
    { turn: 1, reply: 1, samples: 500 },
  ]);
});

test("silence played for want of audio is not counted as heard", () => {
  const buffer = playing(TARGET);
  read(buffer, HZ);
  assert.deepEqual(buffer.takePositions(), [{ turn: 1, reply: 0, samples: TARGET }]);
  assert.equal(buffer.busy, false);
  read(buffer);
  assert.equal(buffer.moved, false);
});

test("after running dry it collects 80 ms again instead of stuttering", () => {
  const buffer = playing(TARGET);
  read(buffer, HZ);
  buffer.push(frame({ firstSample: TARGET, length: 480 }));
  assert.ok(read(buffer).every((x) => x === 0));
  buffer.push(frame({ firstSample: TARGET + 480, length: TARGET }));
  assert.equal(read(buffer)[0], 0.5);
});

test("a frame of an older turn is dropped", () => {
  const buffer = new JitterBuffer(HZ);
  buffer.advance(3);
  buffer.push(frame({ turn: 2, length: TARGET }));
  assert.equal(buffer.busy, false);
  buffer.push(frame({ turn: 3, length: TARGET }));
  assert.equal(buffer.busy, true);
});

test("a newer turn's audio takes the place of what is left of the older one", () => {
  const buffer = playing();
  buffer.push(frame({ turn: 2, length: TARGET, value: -0.5 }));
  const output = read(buffer);
  assert.equal(output[120], -0.5);
  assert.deepEqual(buffer.takePositions().at(-1), { turn: 2, reply: 0, samples: 120 });
});

test("a flush falls silent within 5 ms, fading instead of clicking", () => {
  const buffer = playing();
  buffer.flush(1);
  const output = read(buffer);
  assert.ok(output[0] > 0.48 && output[0] < 0.5);
  assert.ok(output.slice(1).every((x, i) => x <= output[i]));
  assert.ok(output.slice(120).every((x) => x === 0));
  assert.equal(buffer.busy, false);
  assert.deepEqual(buffer.takePositions().at(-1), { turn: 1, reply: 0, samples: 360 });
});

test("after a flush, what was still on its way of that turn stays silent", () => {
  const buffer = playing();
  buffer.flush(1);
  read(buffer);
  buffer.push(frame({ firstSample: HZ, length: TARGET }));
  buffer.push(frame({ reply: 1, length: TARGET }));
  assert.equal(buffer.busy, false);
  buffer.push(frame({ turn: 2, length: TARGET }));
  assert.equal(buffer.busy, true);
});

test("the flush of an older turn, come late, leaves the newer turn alone", () => {
  const buffer = new JitterBuffer(HZ);
  buffer.push(frame({ turn: 2, length: TARGET }));
  buffer.flush(1);
  assert.equal(buffer.busy, true);
});

test("a flush before anything sounds leaves nothing to sound", () => {
  const buffer = new JitterBuffer(HZ);
  buffer.push(frame({ length: 480 }));
  buffer.flush(1);
  assert.equal(buffer.busy, false);
});

test("samples sent again after a reconnect are not heard twice", () => {
  const buffer = new JitterBuffer(HZ);
  buffer.push(frame({ length: TARGET, value: 0.1 }));
  buffer.push(frame({ firstSample: TARGET - 480, length: 960, value: 0.2 }));
  buffer.push(frame({ firstSample: 0, length: TARGET, value: 0.3 }));
  const output = read(buffer, TARGET + 960);
  const expected = new Float32Array(TARGET + 960).fill(0.1, 0, TARGET).fill(0.2, TARGET, TARGET + 480);
  assert.deepEqual(output, expected);
  assert.equal(buffer.takePositions().at(-1).samples, TARGET + 480);
});

test("what is sent again of one reply while the next is queued is not heard twice either", () => {
  const buffer = new JitterBuffer(HZ);
  const first = frame({ length: TARGET, value: 0.1, endsMessage: true });
  buffer.push(first);
  buffer.push(frame({ reply: 1, length: 960, value: 0.2 }));
  buffer.push(first);
  buffer.push(frame({ reply: 1, length: 1920, value: 0.2 }));
  const output = read(buffer, TARGET + 2400);
  const expected = new Float32Array(TARGET + 2400).fill(0.1, 0, TARGET).fill(0.2, TARGET, TARGET + 1920);
  assert.deepEqual(output, expected);
});

test("another session may count its turns from 1 again", () => {
  const buffer = playing();
  buffer.advance(7);
  buffer.flush(7);
  buffer.reset();
  buffer.push(frame({ turn: 1, length: TARGET }));
  assert.equal(buffer.busy, true);
});

test("a queue nobody drains is bounded", () => {
  const buffer = new JitterBuffer(HZ);
  for (let second = 0; second < 200; second += 1) buffer.push(frame({ firstSample: second * HZ, length: HZ }));
  const output = read(buffer, 200 * HZ);
  assert.equal(output.lastIndexOf(0.5) + 1, 60 * HZ);
});

test("a held reply goes on with the very next sample, and its position stands still meanwhile", () => {
  const buffer = playing();
  buffer.takePositions();
  buffer.hold(true);
  assert.ok(read(buffer).every((x) => x === 0));
  assert.deepEqual(buffer.takePositions(), []);
  assert.ok(buffer.busy);
  buffer.hold(false);
  assert.ok(read(buffer).every((x) => x === 0.5));
  assert.deepEqual(buffer.takePositions(), [{ turn: 1, reply: 0, samples: 480 }]);
});

test("what follows a cut is not held", () => {
  const buffer = playing();
  buffer.hold(true);
  buffer.flush(1);
  buffer.push(frame({ turn: 2, length: HZ }));
  assert.ok(read(buffer, 480).some((x) => x !== 0));
});
