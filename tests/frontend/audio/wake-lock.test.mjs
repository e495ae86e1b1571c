import assert from "node:assert/strict";
import { test } from "node:test";
import { WakeLock } from "../../../frontend/audio/wake-lock.js";
import { FakeDocument, install, settled } from "./fakes.mjs";

function screen(t, request) {
  const locks = [];
  const page = new FakeDocument();
  const give = async () => {
    const lock = { released: false, release: async () => void (lock.released = true) };
    locks.push(lock);
    return lock;
  };
  install(t, { document: page, navigator: { wakeLock: { request: request ?? give } } });
  return { page, locks, held: () => locks.filter(({ released }) => !released).length };
}

test("the screen stays on exactly while it is wanted", async (t) => {
  const { locks, held } = screen(t);
  const wakeLock = new WakeLock();
  wakeLock.hold(false);
  wakeLock.hold(true);
  wakeLock.hold(true);
  await settled();
  assert.equal(locks.length, 1);
  wakeLock.hold(false);
  assert.equal(held(), 0);
});

test("a page that comes back keeps the screen on again, if it is still wanted", async (t) => {
  const { page, locks, held } = screen(t);
  const wakeLock = new WakeLock();
  wakeLock.hold(true);
  await settled();
  locks[0].released = true; // browsers let go when a page is hidden
  page.show(false);
  await settled();
  assert.equal(held(), 0);
  page.show(true);
  await settled();
  assert.equal(held(), 1);
  wakeLock.hold(false);
  page.show(true);
  await settled();
  assert.equal(locks.length, 2);
});

test("a lock given only when it is no longer wanted is let go", async (t) => {
  const { locks, held } = screen(t);
  const wakeLock = new WakeLock();
  wakeLock.hold(true);
  wakeLock.hold(false);
  await settled();
  assert.equal(locks.length, 1);
  assert.equal(held(), 0);
});

test("a browser that refuses is asked again when the page is shown again", async (t) => {
  let asked = 0;
  const { page } = screen(t, async () => {
    asked += 1;
    throw new DOMException("low battery", "NotAllowedError");
  });
  const wakeLock = new WakeLock();
  wakeLock.hold(true);
  await settled();
  page.show(true);
  await settled();
  assert.equal(asked, 2);
});
