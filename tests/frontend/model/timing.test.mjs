import assert from "node:assert/strict";
import { test } from "node:test";
import {
  STAGES,
  enginesUsed,
  millisecondsText,
  percentile,
  spans,
  standIns,
  tickStep,
  ttfaMs,
  waitMs,
  waits,
} from "../../../frontend/model/timing.js";

const names = STAGES.map(({ name }) => name);
const marks = (...seconds) => Object.fromEntries(names.map((name, place) => [name, seconds[place] ?? null]));
const entry = { reply: 0, ...marks(0.25, 0.25, 0.26, 0.5, 0.625, 0.625, 0.75, 0.76, 0.875) };
const turn = (source, first_frame_sent) => ({ source, ledger: [{ reply: 0, first_frame_sent }], engines: null });

test("the stages sum to the time to first audio, and each begins where the one before it ended", () => {
  const stages = spans(entry, "speech");
  const toAudio = stages.slice(0, -1);
  assert.ok(Math.abs(toAudio.reduce((sum, { ms }) => sum + ms, 0) - ttfaMs(entry)) < 1e-9);
  for (const [place, { fromMs }] of stages.entries()) {
    const before = stages[place - 1];
    assert.ok(Math.abs(fromMs - (before ? before.fromMs + before.ms : 0)) < 1e-9);
  }
  assert.equal(stages.at(-1).name, "first_sample_played");
});

test("a stage that was not reached has no time, and takes none from those around it", () => {
  const cut = spans({ reply: 0, ...marks(0.25, 0.25, 0.5) }, "speech");
  assert.deepEqual(
    cut.map(({ ms }) => ms),
    [250, 0, 250, null, null, null, null, null, null],
  );
  const unplayed = { ...entry, transcript_final: null };
  assert.equal(spans(unplayed, "speech")[2].fromMs, 250);
  assert.equal(ttfaMs({ reply: 0, ...marks(0.25) }), null);
});

test("where nobody spoke, no stage is the recogniser's, and its being a stand-in says nothing", () => {
  const engine = { name: "e", stand_in: true, ready: true };
  const engines = { stt: engine, llm: { ...engine, stand_in: false }, tts: engine };
  assert.equal(spans(entry, "speech")[0].by, "stt");
  assert.ok(spans(entry, "text").every(({ by }) => by !== "stt"));
  assert.deepEqual(enginesUsed({ source: "request" }), ["llm", "tts"]);
  assert.deepEqual(standIns({ source: "speech", engines }), ["stt", "tts"]);
  assert.deepEqual(standIns({ source: "text", engines }), ["tts"]);
  assert.deepEqual(standIns({ source: "text", engines: null }), []);
});

test("the wait of a turn is that of its first reply; without one there was none", () => {
  assert.equal(waitMs(turn("text", 0.5)), 500);
  assert.equal(waitMs({ ledger: [] }), null);
});

test("percentiles are the server's: nearest rank, whatever the order", () => {
  const values = [40, 10, 30, 20];
  assert.deepEqual(
    [percentile(values, 50), percentile(values, 95), percentile(values, 25), percentile([7], 95)],
    [20, 40, 10, 7],
  );
  assert.deepEqual(values, [40, 10, 30, 20]);
});

test("spoken and typed turns are counted apart, and those without sound not at all", () => {
  const turns = [turn("speech", 0.5), turn("speech", 1), turn("text", 0.25), turn("text", null), turn("request", null)];
  assert.deepEqual(waits(turns), [
    { source: "speech", turns: 2, medianMs: 500, p95Ms: 1000 },
    { source: "text", turns: 1, medianMs: 250, p95Ms: 250 },
  ]);
});

test("an axis has two to four round ticks, however long it is", () => {
  for (const longest of [0, 0.2, 1, 9.9, 10, 332, 420, 600, 5000, 10_300, 123_456]) {
    const step = tickStep(longest);
    assert.match(step.toExponential(), /^[125]e/);
    const ticks = Math.floor(Math.max(longest, 1) / step) + 1;
    assert.ok(ticks >= 2 && ticks <= 4, `${longest}: ${ticks}`);
  }
});

test("short times keep a decimal, and no time at all is a dash", () => {
  assert.deepEqual([0, 0.06, 9.94, 9.96, 1234.5, null].map(millisecondsText), [
    "0 ms",
    "0.1 ms",
    "9.9 ms",
    "10 ms",
    "1235 ms",
    "–",
  ]);
});
