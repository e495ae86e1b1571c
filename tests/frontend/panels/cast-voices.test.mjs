import assert from "node:assert/strict";
import { test } from "node:test";
import { isAdded, sources, voiceName, voiceText } from "../../../frontend/panels/cast/voices.js";

const nova = {
  voice_id: "nova",
  name: "Nova",
  description: "bright",
  labels: { language: "english" },
  method: "preset",
};
const mine = { ...nova, voice_id: "voice_12", name: "Mine", description: "", method: "clone" };

test("only what the server can make a voice from is offered, and all of it when the server does not say", () => {
  assert.deepEqual(sources(undefined), ["record", "upload", "describe"]);
  assert.deepEqual(sources(["audio_sample"]), ["record", "upload"]);
  assert.deepEqual(sources(["prompt", "preset"]), ["describe"]);
  assert.deepEqual(sources(["preset"]), []);
});

test("the engine's own voices cannot be deleted, added ones can, presets made one's own too", () => {
  assert.equal(isAdded(nova), false);
  assert.equal(isAdded(mine), true);
  assert.equal(isAdded({ ...nova, voice_id: "voice_34" }), true);
});

test("a voice says what it is, and its language where it is not English", () => {
  assert.equal(voiceText(nova), "bright");
  assert.equal(voiceText({ ...mine, labels: { language: "german" } }), "From a recording · German");
  assert.equal(voiceText({ ...nova, description: "", labels: { language: "" } }), "");
});

test("a voice that is gone is called by its id, and no voice is any voice", () => {
  assert.equal(voiceName([nova], "nova"), "Nova");
  assert.equal(voiceName([nova], "lost"), "lost");
  assert.equal(voiceName([nova], null), "Any voice");
});
