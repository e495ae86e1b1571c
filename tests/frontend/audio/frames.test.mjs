import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFrame } from "../../../frontend/audio/frames.js";
import { BOTH_ENDS, message } from "../helpers.mjs";

test("every header field is read from its place, little-endian", () => {
  const buffer = message({
    flags: 1,
    reply: 2,
    sentence: 0x0304,
    chunk: 5,
    turn: 0x01020304,
    first: 0xfffffff0,
    pcm: [-32768, 16384],
  });
  assert.deepEqual(
    new Uint8Array(buffer).slice(0, 16),
    Uint8Array.of(1, 1, 2, 0, 4, 3, 5, 0, 4, 3, 2, 1, 0xf0, 255, 255, 255),
  );
  assert.deepEqual(parseFrame(buffer), {
    turn: 0x01020304,
    reply: 2,
    sentence: 0x0304,
    chunk: 5,
    firstSample: 0xfffffff0,
    endsSentence: true,
    endsMessage: false,
    samples: Float32Array.of(-1, 0.5),
  });
});

test("a frame without samples still tells that the message ends", () => {
  const frame = parseFrame(message({ flags: BOTH_ENDS }));
  assert.equal(frame.samples.length, 0);
  assert.ok(frame.endsMessage && frame.endsSentence);
});

test("a message that is no whole audio frame is refused, not played as noise", () => {
  assert.equal(parseFrame(new ArrayBuffer(15)), null);
  assert.equal(parseFrame(new ArrayBuffer(0)), null);
  assert.equal(parseFrame(message({ kind: 2, pcm: [1] })), null);
  assert.equal(parseFrame(message({ pcm: [1, 2] }).slice(0, 19)), null);
});
