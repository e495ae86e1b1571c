// @ts-check
/** Which clicks and keys mean what. Knows nothing of what they lead to. */

/**
 * @typedef {object} Meanings
 * @property {() => void} any browsers let a page sound from its first gesture on
 * @property {() => void} toggleMicrophone
 * @property {() => void} interrupt
 * @property {(holding: boolean) => void} holdToTalk
 * @property {() => boolean} mayHoldToTalk
 * @property {() => void} greet
 * @property {() => void} again
 * @property {(name: string) => void} openPanel
 * @property {(character: string) => void} address
 * @property {() => void} dismissError
 * @property {() => void} dismissNotice
 * @property {() => void} returned the network or the person is back
 */

const TYPED_IN = "input, textarea, select, [contenteditable]";
const PRESSED = "button, summary, a";

/** @param {import("./page.js").Page} page @param {Meanings} meanings */
export function listenForGestures(page, meanings) {
  document.addEventListener("click", meanings.any, { capture: true });
  document.addEventListener("keydown", meanings.any, { capture: true });
  page.microphone.addEventListener("click", meanings.toggleMicrophone);
  page.start.addEventListener("click", meanings.toggleMicrophone);
  page.stop.addEventListener("click", meanings.interrupt);
  page.greet.addEventListener("click", meanings.greet);
  page.again.addEventListener("click", meanings.again);
  onButton(page.panels, ({ dataset }) => dataset.panel && meanings.openPanel(dataset.panel));
  onButton(page.stage.node, ({ dataset }) => dataset.character && meanings.address(dataset.character));
  onButton(page.error, meanings.dismissError);
  onButton(page.notice, meanings.dismissNotice);
  listenForHolding(page, meanings);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing || document.querySelector("dialog[open]")) return;
    meanings.interrupt();
  });
  window.addEventListener("online", meanings.returned);
  document.addEventListener("visibilitychange", () => document.hidden || meanings.returned());
}

/** The space bar, or the button, held down. @param {import("./page.js").Page} page @param {Meanings} meanings */
function listenForHolding({ talk }, { holdToTalk, mayHoldToTalk }) {
  let held = false;
  // A button that was clicked keeps the focus, and nobody knows: only where keys have led is Space meant for one.
  let ledByKeys = true;
  document.addEventListener("pointerdown", () => (ledByKeys = false), { capture: true });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Tab") ledByKeys = true;
    const itsOwn = ledByKeys ? `${TYPED_IN}, ${PRESSED}` : TYPED_IN;
    const elsewhere = event.target instanceof Element && event.target !== talk && event.target.closest(itsOwn);
    if (event.code !== "Space" || elsewhere || !mayHoldToTalk()) return;
    event.preventDefault();
    held = true;
    holdToTalk(true);
  });
  document.addEventListener("keyup", (event) => {
    if (event.code !== "Space" || !held) return;
    event.preventDefault(); // some browsers press a button only now
    held = false;
    holdToTalk(false);
  });
  talk.addEventListener("pointerdown", (event) => {
    talk.setPointerCapture(event.pointerId);
    holdToTalk(true);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    talk.addEventListener(end, () => holdToTalk(false));
  }
  talk.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press is meant as one
  window.addEventListener("blur", () => holdToTalk(false));
}

/** @param {HTMLElement} container @param {(button: HTMLButtonElement) => unknown} meaning */
function onButton(container, meaning) {
  container.addEventListener("click", ({ target }) => {
    const button = target instanceof Element ? target.closest("button") : null;
    if (button) meaning(button);
  });
}
