import assert from "node:assert/strict";
import { test } from "node:test";
import { Sound } from "../../../frontend/audio/sound.js";
import { FakeStream, fakeBrowser, settled } from "./fakes.mjs";

function sound(t, options) {
  const browser = fakeBrowser(t, options);
  browser.awake = 0;
  browser.navigator.wakeLock = {
    async request() {
      browser.awake += 1;
      return { released: false, release: async () => void (browser.awake -= 1) };
    },
  };
  const [statuses, blocked] = [[], []];
  const made = new Sound({
    onMicrophone: () => {},
    onMicrophoneStatus: (status) => statuses.push(status),
    onPosition: () => {},
    onHeard: () => {},
    onBlocked: (now) => blocked.push(now),
    onSilent: () => {},
  });
  return { made, browser, statuses, blocked };
}

test("the screen stays on while the microphone is open or somebody is heard", async (t) => {
  const { made, browser } = sound(t);
  await made.openMicrophone();
  await settled();
  assert.equal(browser.awake, 1);
  made.closeMicrophone();
  await settled();
  assert.equal(browser.awake, 0);
  const player = browser.worklets.find(({ name }) => name === "player");
  player.says({ positions: [{ turn: 1, reply: 0, samples: 480 }], power: 0.1, busy: true, at: 0 });
  browser.draw();
  await settled();
  assert.equal(browser.awake, 1);
});

test("a page that is shown again takes the sound up again, if it ever had any", async (t) => {
  const { made, browser } = sound(t);
  browser.document.show(true);
  assert.equal(browser.contexts.length, 0);
  made.unlock();
  browser.contexts[0].change("interrupted");
  browser.document.show(true);
  await settled();
  assert.equal(browser.contexts[0].state, "running");
});

test("a microphone that hears nothing for want of a tap says so, and goes on by itself where it may", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const stream = new FakeStream();
  const { made, browser, blocked } = sound(t, { give: () => stream });
  await made.openMicrophone();
  browser.refuses = true;
  stream.track.onmute();
  browser.contexts[0].change("interrupted");
  t.mock.timers.tick(1000);
  assert.deepEqual(blocked, [true]);
  browser.refuses = false;
  stream.track.onunmute();
  await settled();
  assert.equal(browser.contexts[0].state, "running");
  assert.deepEqual(blocked, [true, false]);
});

test("devices are told anew when one comes or goes, and when they may be named", async (t) => {
  const { made, browser } = sound(t, { give: () => new FakeStream() });
  let told = 0;
  made.onDevices = () => (told += 1);
  await made.openMicrophone();
  assert.equal(told, 1);
  browser.navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  assert.equal(told, 2);
  assert.equal(made.canChooseLoudspeaker, true);
});

test("another microphone chosen while it is on takes over", async (t) => {
  const { made, browser, statuses } = sound(t);
  await made.openMicrophone("one");
  await made.openMicrophone("two");
  assert.deepEqual(
    browser.requests.map(({ deviceId }) => deviceId.exact),
    ["one", "two"],
  );
  assert.deepEqual(statuses, ["asking", "on", "on"]);
});
