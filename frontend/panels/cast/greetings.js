// @ts-check
/** Any number of texts, one of which a character may begin with instead of its first message. */

import { button, element } from "../../view/dom.js";
import { textArea } from "./controls.js";

const MOST = 100;

export class Greetings {
  /** @param {number} longest */
  constructor(longest) {
    this._longest = longest;
    this._list = element("div", "greetings");
    this._add = button("Add another greeting", () => this._append("").focus());
    const legend = element("legend", "label", "Other greetings");
    const hint = element("p", "hint", "It begins with one of these or with the first message.");
    this.node = element("fieldset", "field", legend, hint, this._list, this._add);
  }

  get value() {
    return [...this._list.querySelectorAll("textarea")].map(({ value }) => value);
  }

  set value(texts) {
    this._list.replaceChildren();
    for (const text of texts) this._append(text);
  }

  /** @param {string} text */
  _append(text) {
    const control = textArea(this._longest);
    control.value = text;
    control.ariaLabel = "Greeting";
    const remove = button("Remove", () => {
      row.remove();
      this._add.disabled = false;
      this._add.focus();
    });
    const row = element("div", "greeting", control, remove);
    this._list.append(row);
    this._add.disabled = this._list.childElementCount >= MOST;
    return control;
  }
}
