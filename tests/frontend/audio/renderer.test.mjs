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

/** A second of 440 Hz at `rateHz`, in frames of odd sizes. */
function takeTone(renderer, rateHz, turn = 1) {
  const tone = sine(440, rateHz, rateHz);
  for (let first = 0; first < tone.length; first += 2399) {
    const samples = tone.subarray(first, first + 2399);
    renderer.take({ type: "frame", frame: { ...frame({ turn }), firstSample: first, samples } });
  }
}

function assertTone(output, deviceHz) {
  const error = output.map((x, i) => x - Math.sin((2 * Math.PI * 440 * i) / deviceHz));
  assert.ok(rms(error) < 2e-3, `error ${rms(error)}`);
}

for (const deviceHz of [44100, 48000]) {
  for (const rateHz of [16000, 24000, 48000]) {
    test(`${rateHz} Hz frames of odd sizes play on a ${deviceHz} Hz device as one unbroken tone`, () => {
      const renderer = new Renderer(deviceHz);
      renderer.take({ type: "rate", rateHz });
      takeTone(renderer, rateHz);
      assertTone(render(renderer, 300), deviceHz);
    });
  }

  test(`on a ${deviceHz} Hz device the position follows the clock to within 2 ms`, () => {
    const renderer = new Renderer(deviceHz);
    renderer.take({ type: "frame", frame: frame({ length: 24000 }) });
    render(renderer, 100);
    const [{ samples }] = renderer.buffer.takePositions();
    const elapsedS = (100 * 128) / deviceHz;
    assert.ok(Math.abs(samples / 24000 - elapsedS) < 0.002, `${samples / 24000} s of ${elapsedS} s`);
  });
}

test("another rate told in the middle of a turn changes no sample of that turn", () => {
  const plain = new Renderer(48000);
  const changed = new Renderer(48000);
  for (const renderer of [plain, changed]) takeTone(renderer, 24000);
  const first = render(changed, 50);
  changed.take({ type: "rate", rateHz: 16000 });
  takeTone(changed, 24000); // sent again after a reconnect: still that turn
  const rest = render(changed, 350);
  assert.deepEqual(Float32Array.of(...first, ...rest), render(plain, 400));
});

test("the next turn plays at the new rate, after what is cut of the last one has faded", () => {
  const renderer = new Renderer(48000);
  renderer.take({ type: "frame", frame: frame({ length: 24000, value: 0.5 }) });
  const before = render(renderer, 50);
  renderer.take({ type: "rate", rateHz: 16000 });
  renderer.take({ type: "advance", turn: 2 });
  const tone = sine(440, 16000, 3200).map((x) => x / 4);
  renderer.take({ type: "frame", frame: { ...frame({ turn: 2 }), samples: tone } });
  const after = render(renderer, 50);
  const whole = Float32Array.of(...before.subarray(200), ...after.subarray(0, 2000));
  for (let i = 1; i < whole.length; i += 1) assert.ok(Math.abs(whole[i] - whole[i - 1]) < 0.03, `a click at ${i}`);
  assert.ok(Math.abs(rms(after.subarray(1000, 6000)) - 0.25 / Math.SQRT2) < 0.005);
  const positions = renderer.buffer.takePositions();
  assert.deepEqual(
    positions.map(({ turn }) => turn),
    [1, 2],
  );
  assert.ok(Math.abs(positions[1].samples / 16000 - (6400 - 300) / 48000) < 0.005, `${positions[1].samples} samples`);
});

test("a rate told while nothing plays counts from the first turn, of the first session and of another", () => {
  const renderer = new Renderer(48000);
  for (const rateHz of [16000, 48000]) {
    renderer.take({ type: "reset" });
    renderer.take({ type: "rate", rateHz });
    renderer.take({ type: "frame", frame: frame({ length: rateHz }) });
    render(renderer, 370);
    assert.equal(renderer.buffer.busy, true);
    render(renderer, 10);
    assert.equal(renderer.buffer.busy, false);
    assert.deepEqual(renderer.buffer.takePositions(), [{ turn: 1, reply: 0, samples: rateHz }]);
  }
});

test("hold, flush and advance reach what is queued", () => {
  const renderer = new Renderer(24000);
  renderer.take({ type: "frame", frame: frame({ length: 24000 }) });
  render(renderer, 2);
  renderer.take({ type: "hold", held: true });
  assert.ok(render(renderer, 2).every((x) => x === 0));
  renderer.take({ type: "hold", held: false });
  assert.ok(render(renderer, 2).every((x) => x === 0.5));
  renderer.take({ type: "flush", turn: 1 });
  render(renderer, 2);
  assert.equal(renderer.buffer.busy, false);
  renderer.take({ type: "advance", turn: 3 });
  renderer.take({ type: "frame", frame: frame({ turn: 2, length: 24000 }) });
  assert.equal(renderer.buffer.busy, false);
});
