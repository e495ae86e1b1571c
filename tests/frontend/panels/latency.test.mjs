import assert from "node:assert/strict";
import { test } from "node:test";
import { STAGES } from "../../../frontend/model/timing.js";
import { copy } from "../../../frontend/panels/latency/clipboard.js";
import * as wording from "../../../frontend/panels/latency/wording.js";

const engine = (stand_in) => ({ name: "offline", stand_in, ready: true });
const engines = (...standIns) =>
  Object.fromEntries(["stt", "llm", "tts"].map((stage) => [stage, engine(standIns.includes(stage))]));
const turn = { key: "s:3", turn: 3, source: "speech", names: ["Nora"], outcome: "completed", ledger: [] };
const entry = {
  ...{ reply: 0, saved_by_speculation: 0.142, audio_s: 11.3524, rtf: 0.31, llm_tokens: 36, sentences: 4 },
  ...{ underruns: 0, cancelled_after_s: null },
};

test("every stage of the ledger is explained, and named as in the protocol", () => {
  assert.deepEqual(
    Object.keys(wording.STAGE_MEANINGS),
    STAGES.map(({ name }) => name),
  );
  assert.equal(wording.stageText("llm_first_token"), "LLM first token");
  assert.equal(wording.stageText("turn_decided"), "Turn decided");
});

test("stand-ins of a turn are named, and real engines are not doubted", () => {
  const said = (source, ...standIns) => wording.standInText({ ...turn, source, engines: engines(...standIns) });
  assert.match(said("speech", "stt", "llm", "tts"), /^Hearing, thinking and voice were stand-ins in this turn\. Their/);
  assert.match(said("text", "stt", "tts"), /^Voice was a stand-in in this turn\. Its/);
  assert.equal(said("text", "stt"), "");
});

test("turns with stand-ins are not compared with others without saying so", () => {
  const real = { ...turn, engines: engines() };
  const standIn = { ...turn, engines: engines("tts") };
  assert.equal(wording.comparisonText([real, real]), "");
  assert.match(wording.comparisonText([standIn, standIn]), /^All of these/);
  assert.match(wording.comparisonText([real, standIn, real]), /^1 of these 3 turns/);
});

test("a figure that the ledger does not have is a dash, never a number", () => {
  const shown = Object.fromEntries(wording.figures(entry).map(([name, figure]) => [name, figure]));
  assert.deepEqual(shown, {
    "Saved by speculation": "142 ms",
    Audio: "11.35 s",
    RTF: "0.31",
    Underruns: "0",
    "LLM tokens": "36",
    Sentences: "4",
    "Cancelled after": "–",
  });
  for (const [, figure] of wording.figures({ reply: 0, cancelled_after_s: null })) assert.equal(figure, "–");
});

test("a turn to choose says how it began, how long it took to be heard, and whether it was cut", () => {
  assert.equal(wording.turnText(turn, 642.3), "Turn 3, spoken, 642 ms");
  const cut = { ...turn, source: "text", outcome: "interrupted" };
  assert.equal(wording.turnText(cut, null), "Turn 3, typed, no sound, interrupted");
});

test("what cannot be copied is shown, selected, so that nothing is lost", async (context) => {
  const field = { hidden: true, value: "", focus: () => {}, select: context.mock.fn() };
  const clipboard = { writeText: context.mock.fn(async () => {}) };
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  context.after(() => (before ? Object.defineProperty(globalThis, "navigator", before) : delete globalThis.navigator));
  Object.defineProperty(globalThis, "navigator", { value: { clipboard }, configurable: true });
  assert.equal(await copy("{}", field), true);
  assert.deepEqual([clipboard.writeText.mock.calls[0].arguments, field.hidden], [["{}"], true]);
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  assert.equal(await copy("{}", field), false);
  assert.deepEqual([field.hidden, field.value, field.select.mock.callCount()], [false, "{}", 1]);
});
