import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Connection, retryDelayMs } from "../../frontend/connection.js";

class FakeSocket {
  readyState = 0;
  bufferedAmount = 0;
  sent = [];

  constructor(url) {
    this.url = new URL(url);
  }

  send(data) {
    this.sent.push(data);
  }

  close() {
    this.readyState = 3;
  }

  accept(session = { type: "session.ready", resume_token: "token" }) {
    this.readyState = 1;
    this.onopen();
    this.onmessage({ data: JSON.stringify(session) });
  }

  lose(code = 1006, reason = "") {
    this.readyState = 3;
    this.onclose({ code, reason });
  }
}

/** @type {FakeSocket[]} */
let sockets;
let statuses;
let audio;
/** @type {Connection} */
let connection;

/** What a browser keeps for one tab. */
function tabStorage() {
  const kept = new Map();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
}

const listeners = {
  onEvent: () => {},
  onAudio: (message) => audio.push(message),
  onStatus: (status, refusal) => statuses.push(refusal ? `${status}: ${refusal}` : status),
};

function connect(url, memory) {
  const made = new Connection(new URL(url), listeners, memory, (address) => {
    sockets.push(new FakeSocket(address));
    return sockets.at(-1);
  });
  made.connect();
  return made;
}

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  sockets = [];
  statuses = [];
  audio = [];
  connection = connect("ws://host/ws?api_key=k", null);
});

afterEach(() => mock.timers.reset());

test("after a loss it comes back by itself and asks for the same session", () => {
  sockets[0].accept();
  sockets[0].lose();
  mock.timers.tick(1000);
  assert.equal(sockets.length, 2);
  assert.equal(sockets[0].url.searchParams.get("resume"), null);
  assert.equal(sockets[1].url.searchParams.get("resume"), "token");
  assert.equal(sockets[1].url.searchParams.get("api_key"), "k");
  sockets[1].accept();
  assert.deepEqual(statuses, ["open", "reconnecting", "open"]);
});

test("a conversation in which something was said is asked for too, should the session be lost", () => {
  sockets[0].accept({ type: "session.ready", resume_token: "token", conversation: "c" });
  sockets[0].lose();
  mock.timers.tick(1000);
  assert.equal(sockets[1].url.searchParams.get("conversation"), null);
  sockets[1].accept({ type: "session.ready", resume_token: "token", conversation: "c" });
  sockets[1].onmessage({ data: JSON.stringify({ type: "turn.done", turn: 1 }) });
  sockets[1].lose();
  mock.timers.tick(1000);
  assert.equal(sockets[2].url.searchParams.get("conversation"), "c");
});

test("waits grow to ten seconds and are spread, so a returning server is not stormed", () => {
  const waits = [0, 1, 2, 3, 9, 99].map((attempt) => retryDelayMs(attempt, 0.5));
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 10000, 10000]);
  assert.deepEqual([retryDelayMs(0, 0), retryDelayMs(0, 1)], [375, 625]);
});

test("a server that accepts and drops at once is not asked without pause", () => {
  for (let i = 0; i < 5; i += 1) {
    sockets.at(-1).readyState = 1;
    sockets.at(-1).onopen();
    sockets.at(-1).lose();
    mock.timers.tick(20000);
  }
  sockets.at(-1).lose();
  mock.timers.tick(5000);
  assert.equal(sockets.length, 6);
});

test("a server that does not let us in is quoted, and not knocked at again", () => {
  sockets[0].lose(4401, "wrong key");
  mock.timers.tick(60000);
  assert.equal(sockets.length, 1);
  assert.match(statuses[0], /^refused: .*wrong key.*api_key/);
  connect("ws://host/ws", null);
  sockets[1].lose(4401, "pages of this origin may not connect");
  assert.doesNotMatch(statuses[1], /api_key/);
});

test("a full server is named as the reason and tried again", () => {
  sockets[0].readyState = 1;
  sockets[0].onopen();
  assert.equal(connection.send({ type: "user.text", text: "Hello" }), false);
  sockets[0].lose(4429);
  assert.match(statuses[0], /^reconnecting: .*full/);
  mock.timers.tick(1000);
  assert.equal(sockets.length, 2);
});

test("a network that vanished is noticed by a ping without answer", () => {
  sockets[0].accept();
  mock.timers.tick(10000);
  assert.match(sockets[0].sent.at(-1), /"ping"/);
  mock.timers.tick(10000);
  assert.equal(statuses.at(-1), "reconnecting");
  assert.equal(sockets[0].readyState, 3);
});

test("any message answers for the server being there", () => {
  sockets[0].accept();
  for (let i = 0; i < 6; i += 1) {
    mock.timers.tick(10000);
    sockets[0].onmessage({ data: new ArrayBuffer(16) });
  }
  assert.deepEqual(statuses, ["open"]);
  assert.equal(audio.length, 6);
});

test("trying now does not leave two connections", () => {
  sockets[0].lose();
  connection.retryNow();
  connection.retryNow();
  mock.timers.tick(60000);
  assert.equal(sockets.length, 2);
});

test("what cannot be sent is refused, so that typed text is kept", () => {
  assert.equal(connection.send({ type: "interrupt" }), false);
  sockets[0].accept();
  assert.equal(connection.send({ type: "interrupt" }), true);
});

test("microphone audio is dropped, not queued without end, when the network is too slow", () => {
  sockets[0].accept();
  const sent = sockets[0].sent.length;
  connection.sendAudio(new Int16Array(320));
  sockets[0].bufferedAmount = 64000;
  connection.sendAudio(new Int16Array(320));
  assert.equal(sockets[0].sent.length, sent + 1);
});

test("a page that is loaded again asks for its session and its conversation", () => {
  const memory = tabStorage();
  connect("ws://host/ws", memory);
  sockets[1].accept({ type: "session.ready", resume_token: "token", conversation: "c" });
  sockets[1].onmessage({ data: JSON.stringify({ type: "turn.done", turn: 1 }) });
  const again = connect("ws://host/ws", memory);
  assert.equal(sockets[2].url.searchParams.get("resume"), "token");
  assert.equal(sockets[2].url.searchParams.get("conversation"), "c");
  assert.equal(again.conversation, "c");
});

test("an address that names another conversation is followed, whatever the tab had before", () => {
  const memory = tabStorage();
  memory.setItem("voicechat.session", JSON.stringify(["token", "c"]));
  connect("ws://host/ws?conversation=d", memory);
  assert.equal(sockets[1].url.searchParams.get("resume"), null);
  assert.equal(sockets[1].url.searchParams.get("conversation"), "d");
});

test("what the tab keeps may be broken or forbidden", () => {
  const broken = { getItem: () => "{", setItem: () => assert.fail("forbidden") };
  connect("ws://host/ws", broken);
  sockets[1].accept({ type: "session.ready", resume_token: "token", conversation: "c" });
  assert.equal(sockets[1].url.searchParams.get("resume"), null);
});

test("a session that another window has taken is not taken back by itself", () => {
  sockets[0].accept();
  sockets[0].lose(4409);
  mock.timers.tick(60000);
  assert.equal(sockets.length, 1);
  assert.deepEqual(statuses, ["open", "elsewhere"]);
});

test("a session that was lost before anything was over in it is not complained of", () => {
  const events = [];
  connection = new Connection(
    new URL("ws://host/ws"),
    { ...listeners, onEvent: (event) => events.push(event.type) },
    { getItem: () => JSON.stringify(["token", ""]), setItem: () => {} },
    (url) => sockets[sockets.push(new FakeSocket(url)) - 1],
  );
  connection.connect();
  const lost = { data: JSON.stringify({ type: "error", code: "not_found", message: "there is no such session" }) };
  sockets[1].readyState = 1;
  sockets[1].onopen();
  sockets[1].onmessage(lost);
  sockets[1].onmessage({ data: JSON.stringify({ type: "session.ready", resume_token: "new" }) });
  sockets[1].onmessage(lost);
  assert.deepEqual(events, ["session.ready", "error"]);
});

test("leaving for another conversation lets the session go, and asks for that one only", () => {
  sockets[0].accept({ type: "session.ready", resume_token: "token", conversation: "c" });
  connection.leaveFor("d");
  assert.equal(sockets[0].readyState, 3);
  assert.equal(sockets[1].url.searchParams.get("resume"), null);
  assert.equal(sockets[1].url.searchParams.get("conversation"), "d");
  connection.leaveFor("");
  assert.equal(sockets[2].url.searchParams.get("conversation"), null);
  assert.deepEqual(statuses, ["open", "connecting", "connecting"]);
});
