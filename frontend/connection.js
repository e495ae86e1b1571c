// @ts-check
/// <reference path="./types.d.ts" />
/**
 * The socket to /ws: events and audio in, messages and microphone out. Comes back by itself after a loss, and asks
 * for the same session, or, where the server has lost that, for the same conversation. Knows nothing of what the
 * messages mean beyond what keeps it alive.
 */

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 10000;
const PING_EVERY_MS = 10000;
const LARGEST_BACKLOG_BYTES = 64000; // two seconds of microphone; older speech than that helps nobody
const UNAUTHORISED = 4401;
const ELSEWHERE = 4409;
const FULL = 4429;
const MEMORY_KEY = "voicechat.session";

/** @typedef {Pick<Storage, "getItem" | "setItem">} Memory */

/**
 * @typedef {object} Listeners
 * @property {(event: ServerEvent) => void} onEvent
 * @property {(message: ArrayBuffer) => void} onAudio
 * @property {(status: import("./model/state.js").ConnectionStatus, refusal?: string) => void} onStatus
 */

/** Doubles from half a second to ten, spread so that many pages do not return at once. @param {number} attempt */
export function retryDelayMs(attempt, random = Math.random()) {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt) * (0.75 + 0.5 * random);
}

/**
 * Where the socket is, for a page at `address`, whose query may hold a key and name a conversation.
 * @param {Pick<Location, "href">} address
 */
export function socketUrl(address) {
  const page = new URL(address.href);
  const url = new URL("/ws", page);
  url.protocol = page.protocol === "https:" ? "wss:" : "ws:";
  for (const name of ["api_key", "conversation"]) {
    const value = page.searchParams.get(name);
    if (value) url.searchParams.set(name, value);
  }
  return url;
}

/** The address of a page that begins with no conversation in particular. @param {string} address of one */
export function withoutConversation(address) {
  const url = new URL(address);
  url.searchParams.delete("conversation");
  return url;
}

export class Connection {
  /**
   * @param {URL} url of the socket, with the query of a first connection
   * @param {Listeners} listeners
   * @param {Memory | null} memory what lasts when the page is loaded again
   * @param {(url: string) => WebSocket} open
   */
  constructor(url, listeners, memory = null, open = (address) => new WebSocket(address)) {
    const named = url.searchParams.get("conversation") ?? "";
    const { token, conversation } = remembered(memory);
    const same = named === "" || named === conversation;
    this._url = url;
    this._listeners = listeners;
    this._memory = memory;
    this._open = open;
    this._resumeToken = same ? token : "";
    /** The conversation that is asked for, or is going on, once there is something in it to go on with. */
    this.conversation = same ? conversation : named;
    this._ready = "";
    this._attempt = 0;
    this._awaitingPong = false;
    /** The server has let us in: one that is full takes the socket, too, and closes it. */
    this._admitted = false;
    /** @type {WebSocket | null} */
    this._socket = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._retry = undefined;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this._ping = undefined;
  }

  get isOpen() {
    return this._admitted && this._socket?.readyState === 1;
  }

  connect() {
    clearTimeout(this._retry);
    this._retry = undefined;
    const url = new URL(this._url);
    if (this._resumeToken) url.searchParams.set("resume", this._resumeToken);
    if (this.conversation) url.searchParams.set("conversation", this.conversation);
    else url.searchParams.delete("conversation");
    const socket = this._open(url.href);
    this._socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this._opened();
    socket.onmessage = ({ data }) => this._received(data);
    socket.onclose = ({ code, reason }) => this._closed(socket, code, reason);
  }

  /** Try again now instead of when the wait is over. */
  retryNow() {
    if (this._retry !== undefined) this.connect();
  }

  /** Leave this session for another conversation. @param {string} conversation empty: a new one */
  leaveFor(conversation) {
    this._resumeToken = "";
    this.conversation = conversation;
    this._attempt = 0;
    this._drop();
    this._listeners.onStatus("connecting");
    this.connect();
  }

  /** False when there is no connection to send by. @param {ClientMessage} message */
  send(message) {
    if (!this.isOpen) return false;
    this._socket?.send(JSON.stringify(message));
    return true;
  }

  /** @param {Int16Array<ArrayBuffer>} frame */
  sendAudio(frame) {
    if (this._socket && this.isOpen && this._socket.bufferedAmount < LARGEST_BACKLOG_BYTES) this._socket.send(frame);
  }

  _opened() {
    this._awaitingPong = false;
    this._ping = setInterval(() => this._checkAlive(), PING_EVERY_MS);
  }

  /** A network that went away closes no socket; a ping without answer does. */
  _checkAlive() {
    if (this._awaitingPong && this._socket) return this._closed(this._socket, 1006);
    this._awaitingPong = true;
    this._socket?.send(JSON.stringify({ type: "ping", nonce: Date.now() }));
  }

  /** @param {string | ArrayBuffer} data */
  _received(data) {
    this._awaitingPong = false;
    if (typeof data !== "string") return this._listeners.onAudio(data);
    /** @type {ServerEvent} */
    const event = JSON.parse(data);
    if (event.type === "session.ready") {
      this._attempt = 0;
      this._resumeToken = event.resume_token;
      this._ready = event.conversation;
      if (this.conversation !== "") this.conversation = this._ready;
      this._remember();
      if (!this._admitted) {
        this._admitted = true;
        this._listeners.onStatus("open");
      }
    }
    // A session in which nothing was over yet is no loss to name.
    if (event.type === "error" && event.code === "not_found" && !this._admitted && !this.conversation) return;
    if (event.type === "turn.done" && this.conversation !== this._ready) {
      this.conversation = this._ready;
      this._remember();
    }
    this._listeners.onEvent(event);
  }

  /** @param {WebSocket} socket @param {number} code @param {string} reason in the server's words */
  _closed(socket, code, reason = "") {
    if (socket !== this._socket) return;
    this._drop();
    if (code === UNAUTHORISED) {
      const refusal = `The server does not let this page in${reason && `: ${reason}`}.`;
      return this._listeners.onStatus("refused", `${refusal} A key goes at the end of the address: ?api_key=…`);
    }
    if (code === ELSEWHERE) return this._listeners.onStatus("elsewhere");
    this._retry = setTimeout(() => this.connect(), retryDelayMs(this._attempt));
    this._attempt += 1;
    this._listeners.onStatus("reconnecting", code === FULL ? "The server is full at the moment." : "");
  }

  _remember() {
    try {
      this._memory?.setItem(MEMORY_KEY, JSON.stringify([this._resumeToken, this.conversation]));
    } catch {
      // A full or forbidden storage: another page will not know.
    }
  }

  _drop() {
    clearInterval(this._ping);
    this._admitted = false;
    const socket = this._socket;
    this._socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}

/** @param {Memory | null} memory */
function remembered(memory) {
  try {
    const [token, conversation] = JSON.parse(memory?.getItem(MEMORY_KEY) ?? "[]");
    return { token: String(token ?? ""), conversation: String(conversation ?? "") };
  } catch {
    return { token: "", conversation: "" };
  }
}
