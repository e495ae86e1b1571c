import assert from "node:assert/strict";
import { test } from "node:test";
import { Player } from "../../../frontend/audio/player.js";
import { frame } from "../helpers.mjs";
import { fakeBrowser, settled } from "./fakes.mjs";

function player(t, options) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const browser = fakeBrowser(t, options);
  const told = { positions: [], blocked: [], silent: 0 };
  const made = new Player({
    onPosition: (position) => told.positions.push(position),
    onHeard: () => {},
    onBlocked: (blocked) => told.blocked.push(blocked),
    onSilent: () => (told.silent += 1),
  });
  const types = () => browser.worklets[0].posted.map(({ type }) => type);
  return { made, browser, told, types };
}

const FRAME = { type: "frame", frame: frame() };
const BUSY = { positions: [], power: 0, busy: true, at: 0 };

test("the context is made and resumed inside the gesture, and only once", (t) => {
  const { made, browser } = player(t, { state: "suspended" });
  assert.equal(browser.contexts.length, 0);
  made.unlock();
  assert.equal(browser.contexts[0].resumed, 1);
  made.unlock();
  assert.equal(browser.contexts.length, 1);
  assert.equal(browser.navigator.audioSession.type, "playback");
});

test("what came before the gesture is played after it, in order, and its amount is bounded", async (t) => {
  const { made, types } = player(t);
  made.play({ type: "rate", rateHz: 16000 });
  for (let i = 0; i < 5000; i += 1) made.play(FRAME);
  made.play({ type: "flush", turn: 1 });
  made.unlock();
  await settled();
  assert.equal(types()[0], "rate");
  assert.equal(types().at(-1), "flush");
  assert.ok(types().length <= 1001);
  made.play(FRAME);
  assert.equal(types().at(-1), "frame");
});

test("the page is told that a tap is wanted when there is something to hear, and when that is over", async (t) => {
  const { made, told } = player(t, { state: "suspended" });
  t.mock.timers.tick(1000);
  made.play(FRAME);
  assert.deepEqual(told.blocked, []);
  t.mock.timers.tick(1000);
  assert.deepEqual(told.blocked, [true]);
  made.unlock();
  await settled();
  assert.deepEqual(told.blocked, [true, false]);
});

test("a context that is just starting asks for no tap", async (t) => {
  const { made, told } = player(t, { state: "suspended" });
  made.play(FRAME);
  made.unlock();
  await settled();
  t.mock.timers.tick(1000);
  assert.deepEqual(told.blocked, []);
});

test("after a call the sound goes on by itself where it may, else a tap is asked for and helps", async (t) => {
  const { made, browser, told } = player(t);
  made.resume();
  assert.equal(browser.contexts.length, 0);
  made.unlock();
  await settled();
  browser.worklets[0].says(BUSY);
  browser.refuses = true;
  browser.contexts[0].change("interrupted");
  made.resume();
  await settled();
  t.mock.timers.tick(1000);
  assert.deepEqual(told.blocked, [true]);
  browser.refuses = false;
  made.unlock();
  await settled();
  assert.deepEqual(told.blocked, [true, false]);
});

test("an interruption while nobody speaks asks for nothing", async (t) => {
  const { made, browser, told } = player(t);
  made.play(FRAME);
  made.unlock();
  await settled();
  browser.worklets[0].says({ ...BUSY, busy: false });
  browser.contexts[0].change("interrupted");
  t.mock.timers.tick(1000);
  assert.deepEqual(told.blocked, []);
});

test("what comes late of a turn that was stopped is nothing to hear", async (t) => {
  const { made, browser, told } = player(t);
  made.unlock();
  await settled();
  made.play(FRAME);
  made.stop(1);
  made.play(FRAME);
  made.play({ type: "frame", frame: frame({ turn: 2, length: 0 }) });
  browser.contexts[0].change("interrupted");
  t.mock.timers.tick(1000);
  assert.deepEqual(told.blocked, []);
});

test("volume and ducking multiply, and reach the graph as a glide", async (t) => {
  const { made, browser } = player(t);
  made.setVolume(0.5);
  made.duck(0.2);
  made.unlock();
  await settled();
  assert.ok(Math.abs(browser.gain.value - 0.1) < 1e-9);
  made.setVolume(1);
  made.duck(1);
  assert.deepEqual(browser.gain.targets, [
    [0.2, 0, 0.02],
    [1, 0, 0.02],
  ]);
});

test("at a gain of 0 the voices are held once they have faded, unless they are back by then", async (t) => {
  const { made, types } = player(t);
  made.unlock();
  await settled();
  made.duck(0);
  assert.deepEqual(types(), []);
  t.mock.timers.tick(100);
  assert.deepEqual(types(), ["hold"]);
  made.duck(1);
  made.duck(0);
  made.duck(1);
  t.mock.timers.tick(100);
  assert.deepEqual(types(), ["hold", "hold", "hold"]);
});

test("a stop empties the queue and says at once how far the reply was rendered", async (t) => {
  const { made, browser, told, types } = player(t);
  made.unlock();
  await settled();
  browser.worklets[0].says({ ...BUSY, positions: [{ turn: 1, reply: 0, samples: 480 }], at: 5 });
  assert.deepEqual(told.positions, []);
  made.stop(1);
  assert.deepEqual(told.positions, [{ turn: 1, reply: 0, samples: 480 }]);
  assert.equal(types().at(-1), "flush");
});

test("a browser without worklets says so once, and keeps nothing", async (t) => {
  const { made, browser, told } = player(t, { state: "suspended" });
  browser.refuses = browser.withoutWorklets = true;
  made.play(FRAME);
  made.unlock();
  await settled();
  t.mock.timers.tick(1000);
  assert.equal(told.silent, 1);
  assert.deepEqual(told.blocked, []);
});

test("the chosen loudspeaker is used while it is there, else the system's", async (t) => {
  const headset = { kind: "audiooutput", deviceId: "headset", label: "Headset" };
  const { made, browser } = player(t, { devices: [headset] });
  await made.setLoudspeaker("headset");
  const context = made.unlock();
  await settled();
  assert.equal(context.sinkId, "headset");
  browser.devices = [];
  await made.setLoudspeaker("headset"); // nothing has changed: nobody asks
  assert.equal(context.sinkId, "headset");
  await made.route();
  assert.equal(context.sinkId, "");
  browser.devices = [headset];
  await made.route();
  assert.equal(context.sinkId, "headset");
});
