// @ts-check
/// <reference path="./types.d.ts" />
/** Wires the parts together: events change the state, the state is drawn, gestures become messages. */

import { Sound } from "./audio.js";
import { loudness } from "./capture.js";
import { Connection } from "./connection.js";
import { parseFrame } from "./frames.js";
import { canStop, initialState, reduce } from "./state.js";
import { View } from "./view.js";
import { silenceText } from "./wording.js";

const OUTPUT_HZ = 24000;

const view = new View();
let state = initialState;
let drawing = 0;

/** @param {ServerEvent | import("./state.js").PageEvent} event */
function dispatch(event) {
  const next = reduce(state, event);
  if (next === state) return;
  state = next;
  drawing ||= requestAnimationFrame(() => {
    drawing = 0;
    view.draw(state);
  });
}

const sound = new Sound({
  onMicrophone(frame) {
    connection.sendAudio(frame);
    view.showLoudness(loudness(frame));
  },
  onMicrophoneStatus: (status) => dispatch({ type: "microphone.changed", status }),
  onPosition: (position) => connection.send({ type: "playback.position", ...position }),
  onAudible: (reply) => dispatch({ type: "audible.changed", reply }),
  onSilent: () => dispatch({ type: "error", code: "no_sound", message: silenceText(isSecureContext) }),
});

const connection = new Connection(socketUrl(), {
  onStatus(status, refusal) {
    if (status === "open") connection.send({ type: "session.configure", output_rate: OUTPUT_HZ });
    else sound.duck(1);
    dispatch({ type: "connection.changed", status, refusal });
  },
  onAudio(message) {
    const frame = parseFrame(message);
    if (frame) sound.play({ type: "frame", frame });
  },
  onEvent(event) {
    conduct(event);
    dispatch(event);
  },
});

/** What an event means for the player. @param {ServerEvent} event */
function conduct(event) {
  switch (event.type) {
    case "session.ready":
      if (event.session !== state.session) sound.play({ type: "reset" });
      sound.play({ type: "rate", rateHz: event.output_rate });
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

function socketUrl() {
  const url = new URL("/ws", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const query = new URLSearchParams(location.search);
  for (const name of ["api_key", "conversation"]) {
    const value = query.get(name);
    if (value) url.searchParams.set(name, value);
  }
  return url;
}

function interrupt() {
  if (!canStop(state)) return;
  sound.stop(state.turn);
  connection.send({ type: "interrupt" });
}

function toggleMicrophone() {
  if (state.microphone === "on") sound.closeMicrophone();
  else void sound.openMicrophone();
}

function sendText() {
  const text = view.text.value.trim();
  const to = state.to.length > 0 ? { to: state.to } : {};
  if (text === "" || !connection.send({ type: "user.text", text, ...to })) return;
  view.text.value = "";
  view.fitText();
}

// Any gesture may be the first; browsers let the page sound from then on.
document.addEventListener("click", () => sound.unlock(), { capture: true });
document.addEventListener("keydown", () => sound.unlock(), { capture: true });

view.microphone.addEventListener("click", toggleMicrophone);
view.start.addEventListener("click", toggleMicrophone);
view.stop.addEventListener("click", interrupt);
view.composer.addEventListener("submit", (event) => {
  event.preventDefault();
  sendText();
});
view.text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  view.composer.requestSubmit();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing) interrupt();
});
view.cast.addEventListener("click", ({ target }) => {
  const chip = target instanceof Element ? target.closest("button") : null;
  if (chip?.dataset.character) dispatch({ type: "address.toggled", character: chip.dataset.character });
});
view.error.addEventListener("click", ({ target }) => {
  if (target instanceof HTMLButtonElement) dispatch({ type: "error.dismissed" });
});
view.notice.addEventListener("click", ({ target }) => {
  if (!(target instanceof HTMLButtonElement)) return;
  if (state.connection === "reconnecting") connection.retryNow();
  else dispatch({ type: "microphone.changed", status: "off" });
});
window.addEventListener("online", () => connection.retryNow());
document.addEventListener("visibilitychange", () => document.hidden || connection.retryNow());

view.draw(state);
connection.connect();
