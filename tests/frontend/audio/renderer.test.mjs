import assert from "node:assert/strict";
import { test } from "node:test";
import { Renderer } from "../../../frontend/audio/renderer.js";
import { frame, rms, sine } from "../helpers.mjs";

/** Renders `blocks` device blocks of 128. */
function render(renderer, blocks) {
  const output = new Float32Array(128 * blocks);
  for (let block = 0; block < blocks; block += 1) renderer.render(output.subarray(128 * block, 128 * (block + 1)));
  return output;
}

for (const deviceHz of [44100, 48000]) {
  test(`24 kHz frames of odd sizes play on a ${deviceHz} Hz device as one unbroken tone`, () => {
    const tone = sine(440, 24000, 24000);
    const renderer = new Renderer(24000, deviceHz);
    for (let first = 0; first < tone.length; first += 2399) {
      renderer.buffer.push({ ...frame(), firstSample: first, samples: tone.subarray(first, first + 2399) });
    }
    const output = render(renderer, 300);
    const error = output.map((x, i) => x - Math.sin((2 * Math.PI * 440 * i) / deviceHz));
    assert.ok(rms(error) < 2e-3, `error ${rms(error)}`);
  });

  test(`on a ${deviceHz} Hz device the position follows the clock to within 2 ms`, () => {
    const renderer = new Renderer(24000, deviceHz);
    renderer.buffer.push(frame({ length: 24000 }));
    render(renderer, 100);
    const [{ samples }] = renderer.buffer.takePositions();
    const elapsedS = (100 * 128) / deviceHz;
    assert.ok(Math.abs(samples / 24000 - elapsedS) < 0.002, `${samples / 24000} s of ${elapsedS} s`);
  });
}
