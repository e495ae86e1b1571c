import assert from "node:assert/strict";
import { test } from "node:test";
import { initialState, reduce } from "../../../frontend/model/state.js";
import {
  activityText,
  connectionText,
  noticeAction,
  noticeText,
  welcomeText,
} from "../../../frontend/model/wording.js";

const open = { ...initialState, connection: "open", session: "s" };

test("whatever is wrong with the microphone, the person is told that typing works", () => {
  for (const microphone of ["muted", "denied", "missing", "failed", "lost", "insecure"]) {
    assert.match(noticeText({ ...open, microphone }), /typ/i, microphone);
  }
  for (const microphone of ["off", "asking", "on"]) assert.equal(noticeText({ ...open, microphone }), "");
});

test("the button of a notice does what helps, and is not there where nothing here does", () => {
  assert.equal(noticeAction({ ...open, microphone: "lost" }), "Dismiss");
  assert.equal(noticeAction({ ...open, microphone: "muted" }), "");
  assert.equal(noticeAction({ ...open, microphone: "lost", blocked: true }), "Go on");
  assert.equal(noticeAction({ ...open, connection: "reconnecting", blocked: true }), "Try now");
  assert.equal(noticeAction({ ...open, connection: "refused" }), "");
});

test("sound that waits for a tap is told before the microphone, and is forgotten when it plays", () => {
  const waiting = reduce({ ...open, microphone: "lost" }, { type: "sound.blocked", blocked: true });
  assert.match(noticeText(waiting), /[Tt]ap/);
  assert.match(noticeText(reduce(waiting, { type: "sound.blocked", blocked: false })), /microphone/i);
});

test("a lost server is told before a missing microphone, and its return is told too", () => {
  assert.match(noticeText({ ...open, connection: "reconnecting", microphone: "denied" }), /server/);
  assert.equal(connectionText({ ...open, connection: "reconnecting" }), "Reconnecting…");
  assert.equal(connectionText({ ...open, back: true }), "Connected again");
});

test("the activity names who is heard, and the person comes first", () => {
  const lines = [{ kind: "reply", key: "k", name: "Nova" }];
  const state = { ...open, lines, audible: "k", answering: true };
  assert.equal(activityText(state), "Nova is speaking");
  assert.equal(activityText({ ...state, speaking: true }), "Hearing you");
  const away = { ...initialState, microphone: "on", connection: "reconnecting" };
  assert.equal(activityText(away, "auto"), "Not connected");
  const unheard = { ...state, audible: null };
  assert.equal(activityText({ ...unheard, lines: [{ ...lines[0], text: "" }] }), "Thinking…");
  assert.equal(activityText({ ...unheard, lines: [{ ...lines[0], text: "Well" }] }), "Nova is answering");
});

test("the welcome names a small cast whole and a large one in part", () => {
  const cast = (...names) => names.map((name) => ({ id: name, name }));
  assert.equal(welcomeText(cast()), "Talk with the cast");
  assert.equal(welcomeText(cast("A")), "Talk with A");
  assert.equal(welcomeText(cast("A", "B", "C")), "Talk with A, B and C");
  assert.equal(welcomeText(cast("A", "B", "C", "D", "E")), "Talk with A, B, C and 2 others");
  assert.equal(welcomeText(cast("A".repeat(64), "B")), "Talk with a cast of 2");
});
