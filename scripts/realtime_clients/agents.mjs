#!/usr/bin/env node
// A conversation through @openai/agents: node agents.mjs ws://HOST:PORT/v1/realtime; see README.md.
// Run it in the folder that @openai/agents and zod are installed in.
// @ts-check

import { createRequire } from "node:module";
import { setTimeout as pause } from "node:timers/promises";

const installed = createRequire(`${process.cwd()}/`);
const { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } = installed("@openai/agents/realtime");
const { z } = installed("zod");

const RATE_HZ = 24000;
const FRAME_MS = 100;
const FRAME_BYTES = ((RATE_HZ * FRAME_MS) / 1000) * 2;
const PATIENCE_S = 30;

const url = process.argv[2];
const key = process.env.VOICECHAT_API_KEY || "none";
if (!url) {
  console.error("usage: node agents.mjs ws://HOST:PORT/v1/realtime");
  process.exit(2);
}

/** 24 kHz PCM16 of the text in one of the server's voices, for the person to say. */
async function spoken(text) {
  const speech = new URL("/v1/audio/speech", url.replace(/^ws/, "http"));
  const body = JSON.stringify({ model: "tts-1", voice: "onyx", input: text, response_format: "pcm" });
  const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
  const answer = await fetch(speech, { method: "POST", headers, body });
  if (!answer.ok) throw new Error(`${speech}: ${answer.status} ${await answer.text()}`);
  return Buffer.from(await answer.arrayBuffer());
}

/** Sends audio as a microphone does: all the time, silence where nobody speaks. */
class Microphone {
  #said = Buffer.alloc(0);

  constructor(session) {
    this.timer = setInterval(() => {
      const frame = Buffer.alloc(FRAME_BYTES);
      this.#said.copy(frame, 0, 0, FRAME_BYTES);
      this.#said = this.#said.subarray(FRAME_BYTES);
      session.sendAudio(frame.buffer.slice(frame.byteOffset, frame.byteOffset + FRAME_BYTES));
    }, FRAME_MS);
  }

  say(pcm) {
    this.#said = Buffer.concat([this.#said, pcm]);
  }
}

/** All that has happened, for those who wait for something. */
class Happenings {
  #all = [];
  #waiting = new Set();

  note(name, detail) {
    this.#all.push({ name, detail });
    for (const look of [...this.#waiting]) look();
  }

  get count() {
    return this.#all.length;
  }

  /** The first thing after the first `from` of them that is as asked. */
  async wait(from, what, asked) {
    return await new Promise((resolve, reject) => {
      const look = () => {
        const found = this.#all.slice(from).find(asked);
        if (found === undefined) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(found);
      };
      const timer = setTimeout(() => reject(new Error(`no ${what} within ${PATIENCE_S} s`)), PATIENCE_S * 1000);
      this.#waiting.add(look);
      look();
    });
  }

  since(from, name) {
    return this.#all.slice(from).filter((one) => one.name === name);
  }
}

const weather = tool({
  name: "weather",
  description: "The weather in a city.",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => `It rains in ${city}.`,
});
const agent = new RealtimeAgent({ name: "Guide", instructions: "You are a friendly guide.", tools: [weather] });
const session = new RealtimeSession(agent, { transport: new OpenAIRealtimeWebSocket({ url }), model: "guide" });
const happenings = new Happenings();

session.on("audio", (event) => happenings.note("audio", event.data.byteLength));
session.on("audio_interrupted", () => happenings.note("interrupted"));
session.on("agent_tool_end", (_context, _agent, _tool, result) => happenings.note("tool", result));
session.on("history_updated", (history) => happenings.note("history", history));
session.on("error", (event) => happenings.note("error", event.error));
session.on("transport_event", (event) => happenings.note(event.type, event));

const message = (role) => (item) => item.type === "message" && item.role === role;
const transcript = (item) => item?.content.map((part) => part.transcript ?? part.text ?? "").join(" ") ?? "";
const last = (role) => session.history.findLast(message(role));
const seconds = (from) => happenings.since(from, "audio").reduce((sum, one) => sum + one.detail, 0) / 2 / RATE_HZ;

/** Waits for an answer that is spoken to its end; says what it was. */
async function answer(from) {
  const done = (one) => one.name === "response.done" && one.detail.response.output.some(message("assistant"));
  const completed = (one) => done(one) && one.detail.response.status === "completed";
  await happenings.wait(from, "answer", completed);
  const heard = seconds(from);
  if (!heard) throw new Error("the answer had no audio");
  return `${heard.toFixed(1)} s of audio, "${transcript(last("assistant"))}"`;
}

async function typed() {
  const from = happenings.count;
  session.sendMessage("Good morning.");
  return await answer(from);
}

async function said(microphone) {
  const from = happenings.count;
  microphone.say(await spoken("What is in the garden today?"));
  const understood = ({ name, detail }) =>
    name === "history" && detail.some((item) => item.role === "user" && item.content[0]?.type === "input_audio" && transcript(item));
  await happenings.wait(from, "transcript of what was said", understood);
  return `understood "${transcript(last("user"))}"; answered with ${await answer(from)}`;
}

async function cutIn(microphone) {
  const words = await spoken("Please wait I have another question for you.");
  const from = happenings.count;
  session.sendMessage("Tell me a long story.");
  await happenings.wait(from, "audio", (one) => one.name === "audio");
  await pause(3000);
  const before = happenings.count;
  microphone.say(words);
  await happenings.wait(before, "interruption", (one) => one.name === "interrupted");
  const cut = await happenings.wait(before, "truncation", (one) => one.name === "conversation.item.truncated");
  const item = cut.detail.item_id;
  const told = await happenings.wait(before, "truncated item", (one) => one.name === "conversation.item.retrieved" && one.detail.item.id === item);
  const rest = await answer(before);
  return `cut at ${cut.detail.audio_end_ms} ms, of the story remains "${transcript(told.detail.item)}"; answered with ${rest}`;
}

async function called() {
  const from = happenings.count;
  session.sendMessage("What is the weather in Oslo?");
  const { detail: result } = await happenings.wait(from, "call", (one) => one.name === "tool");
  const heard = await answer(from);
  if (!heard.includes(result)) throw new Error(`the answer does not have what the tool said: ${heard}`);
  return heard;
}

/** The client's copy of the conversation is what was said, in the order in which it was said. */
async function copied() {
  const said = session.history.filter((item) => item.type === "message");
  const mute = said.filter((item) => !transcript(item));
  if (mute.length) throw new Error(`items without words: ${JSON.stringify(mute)}`);
  const turns = said.map((item) => item.role).join(" ");
  if (!/^(user assistant ?)+$/.test(turns)) throw new Error(`out of order: ${turns}`);
  return `${said.length} messages, person and agent in turn`;
}

await session.connect({ apiKey: key });
const microphone = new Microphone(session);
let missing = 0;
for (const [name, step] of Object.entries({ typed, spoken: said, "cut in": cutIn, tool: called, history: copied })) {
  try {
    console.log(`ok       ${name}: ${await step(microphone)}`);
  } catch (problem) {
    missing += 1;
    console.log(`MISSING  ${name}: ${problem.message}`);
  }
}
clearInterval(microphone.timer);
const errors = happenings.since(0, "error");
for (const { detail } of errors) console.log(`ERROR    ${JSON.stringify(detail)}`);
session.close();
process.exit(missing || errors.length ? 1 : 0);
