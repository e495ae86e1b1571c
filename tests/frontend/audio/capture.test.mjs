import assert from "node:assert/strict";
import { test } from "node:test";
import { FRAME_SAMPLES, FrameCutter, loudness, toPcm16 } from "../../../frontend/audio/capture.js";
import { sine } from "../helpers.mjs";

test("a second of microphone at any device rate is fifty frames of 20 ms", () => {
  for (const hz of [8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 192000]) {
    const cutter = new FrameCutter(hz);
    const input = sine(440, hz, hz);
    let frames = 0;
    for (let start = 0; start < hz; start += 128) {
      for (const frame of cutter.push(input.subarray(start, start + 128))) {
        assert.equal(frame.length, FRAME_SAMPLES);
        frames += 1;
      }
    }
    assert.ok(frames === 49 || frames === 50, `${frames} frames at ${hz} Hz`);
  }
});

test("frames are separate arrays, for the audio thread gives each away", () => {
  const [first, second] = new FrameCutter(16000).push(new Float32Array(2 * FRAME_SAMPLES));
  assert.notEqual(first.buffer, second.buffer);
});

test("speech louder than full scale is clipped and does not wrap around", () => {
  assert.equal(toPcm16(1.5), 32767);
  assert.equal(toPcm16(-1.5), -32768);
  assert.equal(toPcm16(0.5), 16384);
});

test("loudness is 0 in silence, 1 at full scale, and shows quiet speech", () => {
  assert.equal(loudness(new Int16Array(320)), 0);
  assert.equal(loudness(new Int16Array(320).fill(32767)), 1);
  assert.ok(loudness(new Int16Array(320).fill(300)) > 0.3);
});
