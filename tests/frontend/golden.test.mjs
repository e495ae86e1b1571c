import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseFrame } from "../../frontend/audio/frames.js";
import { Renderer } from "../../frontend/audio/renderer.js";
import { initialState, reduce } from "../../frontend/model/state.js";
import { DEFAULTS, configuration } from "../../frontend/preferences.js";

// Written by tests/protocols/golden.py, and checked against the backend's codec there.
const golden = JSON.parse(readFileSync(new URL("../fixtures/native_messages.json", import.meta.url), "utf8"));

/** @param {string} hex */
function bytes(hex) {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16)).buffer;
}

test("the page reads every audio frame as the backend meant it", () => {
  assert.ok(golden.frames.length > 0);
  for (const frame of golden.frames) {
    assert.deepEqual(parseFrame(bytes(frame.hex)), {
      turn: frame.turn,
      reply: frame.reply,
      sentence: frame.sentence,
      chunk: frame.chunk,
      firstSample: frame.first_sample,
      endsSentence: frame.ends_sentence,
      endsMessage: frame.ends_message,
      samples: Float32Array.from(frame.samples, (sample) => sample / 32768),
    });
  }
});

test("the positions reported for a turn played to its end are those the backend expects", () => {
  for (const deviceHz of [24000, 44100, 48000]) {
    const renderer = new Renderer(deviceHz);
    for (const { hex, turn } of golden.frames) {
      if (turn === 1) renderer.take({ type: "frame", frame: parseFrame(bytes(hex)) });
    }
    renderer.render(new Float32Array(128));
    const reported = renderer.buffer.takePositions().map((position) => ({ type: "playback.position", ...position }));
    assert.deepEqual(reported, golden.positions);
  }
});

test("the page makes of the backend's events the conversation that took place", () => {
  const state = golden.events.reduce(reduce, initialState);
  assert.deepEqual(
    state.lines.map(({ kind, name, text, heardText, outcome }) => [kind, name, text, heardText, outcome]),
    [
      ["person", undefined, "how are you", undefined, undefined],
      ["reply", "Mara", "Schön, danke.", "Schön, danke.", "completed"],
      ["reply", "Theo", "<b>Not</b> 很好 today.", "<b>Not</b> 很好", "interrupted"],
    ],
  );
  assert.deepEqual(
    state.cast.map(({ name }) => name),
    ["Mara", "Theo"],
  );
  assert.equal(state.engines.tts.stand_in, true);
  assert.equal(state.answering, false);
  assert.equal(state.turns[0].ledger[0].audio_s, 1.5);
  assert.equal(state.error.message, "no");
});

test("the session is configured in the words the backend understands", () => {
  for (const { preferences, message } of golden.configurations) {
    assert.deepEqual(configuration({ ...DEFAULTS, ...preferences }), message);
  }
});
