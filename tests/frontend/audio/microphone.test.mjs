import assert from "node:assert/strict";
import { test } from "node:test";
import { Microphone } from "../../../frontend/audio/microphone.js";
import { FakeStream, fakeBrowser, settled } from "./fakes.mjs";

function microphone(t, options) {
  const browser = fakeBrowser(t, options);
  const told = { statuses: [], frames: [] };
  const made = new Microphone({
    onMicrophone: (frame) => told.frames.push(frame),
    onMicrophoneStatus: (status) => told.statuses.push(status),
  });
  return { made, browser, told, context: new AudioContext() };
}

const refused = (name) => () => {
  throw new DOMException("no", name);
};

test("the microphone is asked for without echo and noise, and its frames come through", async (t) => {
  const { made, browser, told, context } = microphone(t);
  await made.open("", context);
  assert.deepEqual(browser.requests, [{ echoCancellation: true, noiseSuppression: true, autoGainControl: true }]);
  assert.deepEqual(told.statuses, ["asking", "on"]);
  browser.worklets[0].says("frame");
  assert.deepEqual(told.frames, ["frame"]);
  assert.equal(browser.navigator.audioSession.type, "play-and-record");
});

test("a chosen device that is gone gives way to the system's choice", async (t) => {
  const give = ({ deviceId }) => (deviceId ? refused("OverconstrainedError")() : new FakeStream());
  const { made, browser, told, context } = microphone(t, { give });
  await made.open("gone", context);
  assert.deepEqual(browser.requests[0].deviceId, { exact: "gone" });
  assert.deepEqual(told.statuses, ["asking", "on"]);
});

test("each way to have no microphone has its own status", async (t) => {
  for (const [name, status] of [
    ["NotAllowedError", "denied"],
    ["SecurityError", "denied"],
    ["NotFoundError", "missing"],
    ["NotReadableError", "failed"],
  ]) {
    const { made, browser, told, context } = microphone(t, { give: refused(name) });
    await made.open("", context);
    assert.deepEqual(told.statuses, ["asking", status], name);
    assert.equal(browser.navigator.audioSession.type, "playback");
  }
});

test("a page that is not secure is told so instead of failing", async (t) => {
  const { made, browser, told, context } = microphone(t);
  delete browser.navigator.mediaDevices;
  await made.open("", context);
  assert.deepEqual(told.statuses, ["insecure"]);
});

test("another device takes the place of the one that is open, which is let go", async (t) => {
  const streams = [];
  const give = () => streams[streams.push(new FakeStream()) - 1];
  const { made, browser, told, context } = microphone(t, { give });
  await made.open("", context);
  await made.open("other", context);
  assert.deepEqual(
    streams.map(({ track }) => track.stopped),
    [true, false],
  );
  assert.deepEqual(told.statuses, ["asking", "on", "on"]);
  browser.worklets[0].says("old");
  browser.worklets[1].says("new");
  assert.deepEqual(told.frames, ["new"]);
});

test("a device switched mute is shown as muted, and as on when it is back", async (t) => {
  const stream = new FakeStream();
  stream.track.muted = true;
  const { made, told, context } = microphone(t, { give: () => stream });
  await made.open("", context);
  stream.track.onunmute();
  stream.track.onmute();
  assert.deepEqual(told.statuses, ["asking", "muted", "on", "muted"]);
});

test("a device pulled out is lost, and nothing of it is left", async (t) => {
  const stream = new FakeStream();
  const { made, browser, told, context } = microphone(t, { give: () => stream });
  await made.open("", context);
  stream.track.onended();
  assert.deepEqual(told.statuses, ["asking", "on", "lost"]);
  assert.ok(stream.track.stopped);
  assert.deepEqual(browser.worklets[0].posted, ["close"]);
  assert.equal(stream.track.onended, null);
});

test("a microphone closed while the browser still asks is not opened by the answer", async (t) => {
  const stream = new FakeStream();
  let answer = () => {};
  const give = () => new Promise((resolve) => (answer = () => resolve(stream)));
  const { made, told, context } = microphone(t, { give });
  const opening = made.open("", context);
  made.close();
  answer();
  await opening;
  assert.deepEqual(told.statuses, ["asking", "off"]);
  assert.ok(stream.track.stopped);
});

test("a stream whose rate the context does not take gets a context of its rate, closed with it", async (t) => {
  const { made, browser, told, context } = microphone(t);
  browser.onlyRate = 44100;
  await made.open("", context);
  const own = browser.contexts[1];
  assert.equal(own.options.sampleRate, 44100);
  assert.equal(browser.worklets[0].context, own);
  assert.deepEqual(told.statuses, ["asking", "on"]);
  made.close();
  await settled();
  assert.equal(own.state, "closed");
  assert.equal(context.state, "running");
});

test("a microphone whose frames cannot be had is let go, not left open unheard", async (t) => {
  const stream = new FakeStream();
  const { made, told, context } = microphone(t, { give: () => stream });
  context.audioWorklet.addModule = refused("AbortError");
  await made.open("", context);
  assert.deepEqual(told.statuses, ["asking", "failed"]);
  assert.ok(stream.track.stopped);
});
