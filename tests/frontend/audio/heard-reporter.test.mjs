import assert from "node:assert/strict";
import { test } from "node:test";
import { HeardReporter } from "../../../frontend/audio/heard-reporter.js";
import { fakeBrowser } from "./fakes.mjs";

const LOUD = 10 ** -1.5; // mean square of the loudest speech

function reporter(t, outputLatency = 0.1) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { draw } = fakeBrowser(t);
  const clock = { state: "running", currentTime: 0, baseLatency: 0.01, outputLatency };
  const told = { positions: [], heard: [] };
  const made = new HeardReporter(
    {
      onPosition: ({ samples }) => told.positions.push(samples),
      onHeard: (position, level) => told.heard.push([position?.samples ?? null, Number(level.toFixed(2))]),
    },
    clock,
  );
  const render = (samples, { busy = true, power = LOUD, gain = 1 } = {}) => {
    const positions = samples === null ? [] : [{ turn: 1, reply: 0, samples }];
    made.rendered({ positions, power, busy, at: clock.currentTime }, gain);
  };
  const at = (now) => {
    clock.currentTime = now;
    draw();
    return told.heard.at(-1);
  };
  return { made, clock, told, render, at };
}

test("the display is told what leaves the loudspeaker now, and null when nothing does any more", (t) => {
  const { told, render, at } = reporter(t);
  render(480);
  assert.deepEqual(at(0.05), [null, 0]);
  render(960, { power: LOUD / 1000 });
  assert.deepEqual(at(0.1), [480, 1]);
  render(1440, { busy: false });
  assert.deepEqual(at(0.16), [960, 0.33]);
  assert.deepEqual(at(0.21), [null, 0]);
  const count = told.heard.length;
  at(0.3);
  at(0.4);
  assert.equal(told.heard.length, count);
});

test("ducked voices glow less, and held ones keep their place without a level", (t) => {
  const { render, at } = reporter(t, 0);
  render(480, { gain: 0.1, power: LOUD });
  assert.deepEqual(at(0.01), [480, 0.56]);
  render(null, { power: 0 });
  assert.deepEqual(at(0.02), [480, 0]);
});

test("while the page is hidden and nothing is drawn, positions go on to the server", (t) => {
  const { clock, told, render } = reporter(t);
  for (let block = 1; block <= 50; block += 1) {
    clock.currentTime = block / 50;
    render(block * 480);
  }
  assert.deepEqual(told.heard, []);
  assert.equal(told.positions.length, 5);
  assert.ok(told.positions.at(-1) >= 0.7 * 24000);
});

test("the end of a reply is told once it has left the loudspeaker, without waiting for the next report", (t) => {
  const { clock, told, render } = reporter(t);
  render(480);
  clock.currentTime = 0.1;
  render(960, { busy: false });
  clock.currentTime = 0.22;
  t.mock.timers.tick(125);
  assert.deepEqual(told.positions, [960]);
});

test("while the context stands still nothing is heard and no position moves; then it goes on", (t) => {
  const { made, clock, told, render, at } = reporter(t, 0);
  render(480);
  assert.deepEqual(at(0.01), [480, 1]);
  clock.state = "interrupted";
  assert.deepEqual(at(0.01), [null, 0]);
  const count = told.heard.length;
  assert.deepEqual(at(0.01), told.heard[count - 1]);
  assert.equal(told.heard.length, count);
  clock.state = "running";
  made.watch();
  assert.deepEqual(at(0.01), [480, 1]);
});

test("what another session rendered is forgotten", (t) => {
  const { made, told, render, at } = reporter(t, 0);
  render(480);
  at(0.01);
  told.positions.length = 0;
  made.clear();
  assert.deepEqual(at(0.02), [null, 0]);
  made.report(Infinity);
  assert.deepEqual(told.positions, []);
});
