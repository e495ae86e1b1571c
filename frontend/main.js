// @ts-check
/// <reference path="./types.d.ts" />
/** Wires the parts together: events change the state, the state is drawn, gestures become messages. */

import { Api } from "./api.js";
import { loudness } from "./audio/capture.js";
import { parseFrame } from "./audio/frames.js";
import { Sound } from "./audio/sound.js";
import { Connection, socketUrl, withoutConversation } from "./connection.js";
import { linesOfTurnsOver, storedLines } from "./model/history.js";
import { initialState, reduce, canStop, isMicrophoneOpen } from "./model/state.js";
import { silenceText } from "./model/wording.js";
import { PanelHost } from "./panels/host.js";
import { KEY, StoredPreferences, configuration, reconfiguration } from "./preferences.js";
import { Composer } from "./view/composer.js";
import { listenForGestures } from "./view/gestures.js";
import { Page } from "./view/page.js";
import { Portraits } from "./view/portraits.js";

const key = new URLSearchParams(location.search).get("api_key") ?? "";
const api = new Api(key);
const preferences = new StoredPreferences(storage("localStorage"));
const portraits = new Portraits(api);
const page = new Page(portraits.addresses);
let state = initialState;
let drawing = 0;
let holdingToTalk = false;
/** The server has let us in, and does not know yet how we want the session. */
let unconfigured = false;

/** @param {ServerEvent | import("./model/state.js").PageEvent} event */
function dispatch(event) {
  const next = reduce(state, event);
  if (next === state) return;
  state = next;
  drawing ||= requestAnimationFrame(draw);
}

function draw() {
  drawing = 0;
  page.draw(state, preferences.value);
  panels.draw(state);
}

const sound = new Sound({
  onMicrophone(frame) {
    if (preferences.value.mode === "push_to_talk" && !holdingToTalk) return page.showLoudness(0);
    connection.sendAudio(frame);
    page.showLoudness(loudness(frame));
  },
  onMicrophoneStatus: (status) => dispatch({ type: "microphone.changed", status }),
  onPosition: (position) => connection.send({ type: "playback.position", ...position }),
  onHeard(position, level) {
    dispatch({ type: "heard.changed", position });
    page.stage.showLevel(level);
  },
  onBlocked: (blocked) => dispatch({ type: "sound.blocked", blocked }),
  onSilent: () => dispatch({ type: "error", code: "no_sound", message: silenceText(isSecureContext) }),
});

/** @type {import("./connection.js").Listeners} */
const listeners = {
  onStatus(status, refusal) {
    unconfigured = status === "open";
    if (status !== "open") sound.duck(1);
    if (status !== "open") holdToTalk(false);
    if (status === "elsewhere") fallSilent();
    dispatch({ type: "connection.changed", status, refusal });
  },
  onAudio(message) {
    const frame = parseFrame(message);
    if (frame) sound.play({ type: "frame", frame });
  },
  onEvent(event) {
    conduct(event);
    dispatch(event);
    if (unconfigured) connection.send({ ...configuration(preferences.value), to: state.to });
    unconfigured = false;
  },
};

const connection = new Connection(socketUrl(location), listeners, storage("sessionStorage"));

const panels = new PanelHost({
  api,
  preferences,
  sound,
  portraits,
  state: () => state,
  send: (message) => connection.send(message),
  goOn,
  castChanged,
});

const composer = new Composer((text, to) => {
  const addressed = to.length > 0 ? to : state.to;
  return connection.send({ type: "user.text", text, ...(addressed.length > 0 && { to: addressed }) });
}, storage("sessionStorage"));

/** What an event means for the player and the stage. @param {ServerEvent} event */
function conduct(event) {
  switch (event.type) {
    case "session.ready":
      if (event.session !== state.session) {
        sound.play({ type: "reset" });
        void learnCast();
      }
      sound.play({ type: "rate", rateHz: event.output_rate });
      composer.setCast(event.characters);
      if (state.session === null && event.conversation === connection.conversation) {
        void learnHistory(event.conversation, event.newest_turn);
      }
      break;
    case "turn.started":
      sound.duck(1);
      sound.play({ type: "advance", turn: event.turn });
      break;
    case "reply.ducked":
      sound.duck(event.gain);
      break;
    case "reply.unducked":
      sound.duck(1);
      break;
    case "reply.done":
    case "turn.done":
      if (event.outcome !== "completed") sound.stop(event.turn);
      sound.duck(1);
      break;
  }
}

/**
 * What was said in a conversation before we came.
 * @param {string} conversation
 * @param {NewestTurn} [newest] as its session told it
 */
async function learnHistory(conversation, newest) {
  const stored = await api.json(`/api/conversations/${encodeURIComponent(conversation)}`).catch(() => null);
  if (!stored) return;
  const going = newest?.outcome === null;
  const told = going ? newest.replies.map(({ message_id }) => message_id) : [];
  const lines = storedLines(going || state.answering ? linesOfTurnsOver(stored, told) : stored.lines);
  dispatch({ type: "history.told", conversation, lines });
}

/** What the stored cast looks like, and whether it has greetings. */
async function learnCast() {
  const stored = await api.json("/api/characters").catch(() => null);
  if (stored) await showCast(stored.characters);
}

/** @param {StoredCharacter[]} cast */
async function showCast(cast) {
  const present = cast.filter(({ enabled }) => enabled);
  page.offerGreeting(present.some(({ first_message }) => first_message.trim() !== ""));
  await portraits.update(present);
  page.showPortraits();
}

/** The stored cast is now this: so is the session's. @param {StoredCharacter[]} cast */
function castChanged(cast) {
  const present = cast.filter(({ enabled }) => enabled).map(({ id }) => id);
  connection.send({ type: "session.configure", characters: present });
  void showCast(cast);
}

/** @param {string} conversation to go on with; empty: a new one */
function goOn(conversation) {
  sound.stop(state.turn);
  dispatch({ type: "conversation.left" });
  history.replaceState(null, "", withoutConversation(location.href));
  connection.leaveFor(conversation);
}

function interrupt() {
  if (!canStop(state)) return;
  sound.stop(state.turn);
  connection.send({ type: "interrupt" });
}

function toggleMicrophone() {
  if (isMicrophoneOpen(state.microphone) || state.microphone === "asking") sound.closeMicrophone();
  else void sound.openMicrophone(preferences.value.microphone);
}

/** The conversation goes on in another window: it is heard, and listened to, there. */
function fallSilent() {
  sound.play({ type: "reset" });
  if (isMicrophoneOpen(state.microphone)) sound.closeMicrophone();
}

/** @param {boolean} holding */
function holdToTalk(holding) {
  if (holding === holdingToTalk || (holding && state.microphone !== "on")) return;
  holdingToTalk = holding;
  page.talk.setAttribute("aria-pressed", String(holding));
  if (!holding) connection.send({ type: "audio.commit" });
}

/** @param {Readonly<Preferences>} value */
function applyPreferences(value) {
  document.documentElement.dataset.theme = value.theme;
  sound.setVolume(value.volume);
  void sound.setLoudspeaker(value.loudspeaker);
}

// Told of what other pages of this browser have changed.
window.addEventListener("storage", (event) => event.key === KEY && preferences.reread());

preferences.onChange((value, before) => {
  applyPreferences(value);
  if (value.microphone !== before.microphone && isMicrophoneOpen(state.microphone)) {
    void sound.openMicrophone(value.microphone);
  }
  const wanted = reconfiguration(value, before);
  if (wanted) connection.send(wanted);
  draw();
});

listenForGestures(page, {
  any: () => sound.unlock(),
  toggleMicrophone,
  interrupt,
  holdToTalk,
  mayHoldToTalk: () => preferences.value.mode === "push_to_talk" && state.microphone === "on",
  greet: () => connection.send({ type: "greet" }),
  again() {
    if (connection.send({ type: "regenerate" })) dispatch({ type: "answer.declined" });
  },
  openPanel(name) {
    const message = "This could not be opened: the server does not answer.";
    panels.open(name).then(
      () => state.error?.code === "no_panel" && dispatch({ type: "error.dismissed" }),
      () => dispatch({ type: "error", code: "no_panel", message }),
    );
  },
  address(character) {
    dispatch({ type: "address.toggled", character });
    connection.send({ type: "session.configure", to: state.to });
  },
  dismissError: () => dispatch({ type: "error.dismissed" }),
  dismissNotice() {
    if (state.connection === "reconnecting") connection.retryNow();
    else if (state.connection === "elsewhere") connection.connect();
    else if (!state.blocked) dispatch({ type: "microphone.changed", status: "off" });
  },
  returned: () => connection.retryNow(),
});

/** Where browsers forbid storage, even looking at it throws. @param {"localStorage" | "sessionStorage"} name */
function storage(name) {
  try {
    return window[name];
  } catch {
    return null;
  }
}

applyPreferences(preferences.value);
draw();
connection.connect();
