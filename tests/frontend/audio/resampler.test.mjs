import assert from "node:assert/strict";
import { test } from "node:test";
import { Resampler } from "../../../frontend/audio/resampler.js";
import { rms, sine } from "../helpers.mjs";

const DEVICE_RATES = [8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 192000];
const OUTPUT_RATES = [16000, 24000, 48000];
const RATES = [
  ...DEVICE_RATES.map((hz) => [hz, 16000]),
  ...OUTPUT_RATES.flatMap((hz) => DEVICE_RATES.map((deviceHz) => [hz, deviceHz])),
];

for (const [from, to] of RATES) {
  test(`${from} -> ${to} Hz: a voice's tone keeps its pitch, level and time`, () => {
    const output = new Resampler(from, to).process(sine(1000, from, from / 2));
    const expected = sine(1000, to, output.length);
    const error = output.map((x, i) => x - expected[i]);
    assert.ok(rms(error) < 2e-3, `error ${rms(error)}`);
    assert.ok(Math.abs(output.length - to / 2) < to / 100, `${output.length} samples`);
  });

  test(`${from} -> ${to} Hz: cutting the input into blocks changes no sample`, () => {
    const input = sine(700, from, 6000);
    const whole = new Resampler(from, to).process(input);
    const streaming = new Resampler(from, to);
    const pieces = [];
    for (let start = 0; start < input.length; start += 128)
      pieces.push(...streaming.process(input.subarray(start, start + 128)));
    assert.deepEqual(Float32Array.from(pieces), whole);
  });
}

test("what the lower rate cannot carry is removed, not folded into the voice", () => {
  for (const hz of [9000, 12000, 20000]) {
    for (const from of DEVICE_RATES.filter((rate) => rate > 2 * hz)) {
      const output = new Resampler(from, 16000).process(sine(hz, from, from / 2));
      assert.ok(rms(output) < 1e-3, `${hz} Hz at ${from} Hz leaves ${rms(output)}`);
    }
  }
});

test("silence and a steady level come out as they went in", () => {
  const level = new Resampler(44100, 16000).process(new Float32Array(4000).fill(0.25));
  assert.ok(level.slice(100).every((x) => Math.abs(x - 0.25) < 1e-6));
});
