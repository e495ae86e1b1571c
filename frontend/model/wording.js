// @ts-check
/// <reference path="../types.d.ts" />
/** What the page says in words about its state. Pure. */

/** @typedef {import("./state.js").State} State */

/** @type {Record<import("./state.js").MicrophoneStatus, string>} */
const MICROPHONE = {
  off: "Microphone off",
  asking: "Waiting for permission…",
  on: "Listening",
  muted: "Microphone muted",
  denied: "Microphone blocked",
  missing: "No microphone",
  failed: "Microphone off",
  lost: "Microphone off",
  insecure: "Microphone off",
};

/** @type {Partial<Record<import("./state.js").MicrophoneStatus, string>>} */
const MICROPHONE_NOTICE = {
  denied:
    "The browser does not let this page use the microphone. Allow it in the site settings beside the address, " +
    "then press the microphone again. Typing works without it.",
  muted: "Nobody hears you: the microphone is muted, by a switch on it or by the system. Unmute it there, or type.",
  missing: "No microphone was found. Connect one and press the microphone again, or type.",
  failed: "The microphone could not be opened; another program may be using it. Typing works without it.",
  lost: "The microphone was disconnected. Press the microphone to use another one, or type.",
  insecure: "Browsers give the microphone only to pages served over https or from this machine. Typing works.",
};

const LONGEST_TITLE = 50; // two lines of the welcome

/** @param {State} state */
export function connectionText({ connection, back, refusal }) {
  if (connection === "open") return back ? "Connected again" : "Connected";
  if (connection === "connecting") return "Connecting…";
  if (connection === "refused") return "Not let in";
  if (connection === "elsewhere") return "In another window";
  return refusal ? "Server full" : "Reconnecting…";
}

/** What stands in the way, if anything. @param {State} state */
export function noticeText({ connection, refusal, microphone, blocked }) {
  if (connection === "refused") return refusal;
  if (connection === "elsewhere") return "This conversation goes on in another window.";
  if (connection === "reconnecting") {
    return `${refusal || "The server does not answer."} Trying again; what you have typed stays here.`;
  }
  if (blocked) return "The browser holds the sound back. Tap the page or press a key to go on.";
  return MICROPHONE_NOTICE[microphone] ?? "";
}

/** What is going on right now. @param {State} state @param {Preferences["mode"]} mode */
export function activityText(state, mode) {
  const newest = state.lines.at(-1);
  const speaker = state.lines.find((line) => line.key === state.audible);
  if (state.speaking) return "Hearing you";
  if (speaker?.kind === "reply") return `${speaker.name} is speaking`;
  if (state.answering) return newest?.kind === "reply" && newest.text ? `${newest.name} is answering` : "Thinking…";
  if (state.microphone === "on" && state.connection !== "open") return "Not connected";
  if (state.microphone === "on" && mode === "push_to_talk") return "";
  return MICROPHONE[state.microphone];
}

/** What the message box is for. @param {State} state */
export function placeholderText({ cast, to }) {
  const names = cast.filter(({ id }) => to.includes(id)).map(({ name }) => name);
  if (names.length > 3) return `Say to ${names.length} of them`;
  return names.length > 0 ? `Say to ${names.join(" and ")}` : "Type a message";
}

/** @param {Character[]} cast */
export function welcomeText(cast) {
  const names = cast.map(({ name }) => name);
  if (names.length === 0) return "Talk with the cast";
  if (names.length > 4) names.splice(3, names.length, `${names.length - 3} others`);
  const last = names.pop();
  const text = `Talk with ${names.length > 0 ? `${names.join(", ")} and ${last}` : last}`;
  return text.length > LONGEST_TITLE ? `Talk with a cast of ${cast.length}` : text;
}

/** What pressing the button beside that does; empty: nothing can be done here. @param {State} state */
export function noticeAction({ connection, microphone, blocked }) {
  if (connection === "reconnecting") return "Try now";
  if (connection === "refused") return "";
  if (connection === "elsewhere") return "Go on here";
  if (blocked) return "Go on";
  return microphone === "muted" ? "" : "Dismiss";
}

/** Why there is no sound. @param {boolean} secure whether the page was served over https or from this machine */
export function silenceText(secure) {
  const reason = secure
    ? "The browser could not start this page's sound."
    : "Browsers play the voices only on pages served over https or from this machine.";
  return `${reason} Captions and typing work.`;
}
