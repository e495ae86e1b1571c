// @ts-check
/** Form controls with their labels, and where problems are told. */

import { button, element } from "../../view/dom.js";

let made = 0;

/**
 * A control under its label, with what explains it.
 * @param {string} label
 * @param {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} control
 * @param {string} [hint]
 */
export function field(label, control, hint) {
  made += 1;
  control.id = `cast-${made}`;
  const name = element("label", "", label);
  name.htmlFor = control.id;
  const node = element("div", "field", name, control);
  if (hint) {
    const text = element("span", "hint", hint);
    text.id = `${control.id}-hint`;
    control.setAttribute("aria-describedby", text.id);
    node.append(text);
  }
  return node;
}

/** A checkbox before its label. @param {string} label @param {HTMLInputElement} control */
export function check(label, control) {
  control.type = "checkbox";
  return element("label", "check", control, element("span", "", label));
}

/** A line of text of any language. @param {number} longest */
export function textInput(longest) {
  const control = element("input", "");
  control.type = "text";
  control.maxLength = longest;
  control.dir = "auto";
  control.autocomplete = "off";
  return control;
}

/** @param {number} longest */
export function textArea(longest) {
  const control = element("textarea", "");
  control.maxLength = longest;
  control.dir = "auto";
  return control;
}

/**
 * A button that asks for a file.
 * @param {string} text @param {string} accept @param {(file: File) => void} chosen
 */
export function fileButton(text, accept, chosen) {
  const input = element("input", "");
  input.type = "file";
  input.accept = accept;
  input.hidden = true;
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file) chosen(file);
    input.value = ""; // the same file can be chosen again
  });
  return element(
    "span",
    "",
    button(text, () => input.click()),
    input,
  );
}

/** Where problems are told, to screen readers as well; hidden while there is none. */
export function problemLine() {
  const node = element("p", "problem");
  node.setAttribute("role", "alert");
  node.hidden = true;
  return node;
}

/** @param {HTMLElement} node @param {string} text empty: nothing is wrong */
export function tell(node, text) {
  node.textContent = text;
  node.hidden = text === "";
}

/** What went wrong, in words for people. @param {unknown} error */
export function problemText(error) {
  return error instanceof Error || error instanceof DOMException ? error.message : String(error);
}

/**
 * A question in the place of `actions`, which come back when it is answered.
 * @param {HTMLElement} actions @param {string} question @param {string} yes @param {string} no @param {() => void} agreed
 */
export function ask(actions, question, yes, no, agreed) {
  if (actions.hidden) return;
  const asked = document.activeElement;
  const back = () => {
    node.remove();
    actions.hidden = false;
  };
  const refuse = () => {
    back();
    if (asked instanceof HTMLElement) asked.focus();
  };
  const agree = () => {
    back();
    agreed();
  };
  const kept = button(no, refuse);
  const node = element("div", `${actions.className} question`, element("p", "", question));
  node.append(button(yes, agree, "button danger"), kept);
  node.setAttribute("role", "group");
  node.ariaLabel = question;
  actions.hidden = true;
  actions.after(node);
  kept.focus();
}
