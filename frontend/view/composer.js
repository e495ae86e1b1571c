// @ts-check
/// <reference path="../types.d.ts" />
/**
 * The message box: it grows with its text, completes `@names`, and gives what was written. What is in it outlasts the
 * page being loaded again.
 */

import { beingTyped, matching, mentions } from "../model/mentions.js";
import { byId, element } from "./dom.js";

const MEMORY_KEY = "voicechat.message";

export class Composer {
  /**
   * @param {(text: string, to: string[]) => boolean} onSend true when it was taken
   * @param {Pick<Storage, "getItem" | "setItem"> | null} memory what lasts when the page is loaded again
   */
  constructor(onSend, memory) {
    this.text = byId("text", HTMLTextAreaElement);
    this._form = byId("composer", HTMLFormElement);
    this._names = byId("names", HTMLElement);
    this._onSend = onSend;
    this._memory = memory;
    /** @type {Character[]} */
    this._cast = [];
    /** @type {Character[]} offered now */
    this._offered = [];
    this._chosen = 0;
    this.text.addEventListener("input", () => this._changed());
    this.text.addEventListener("blur", () => this._offer([]));
    this.text.addEventListener("keydown", (event) => this._key(event));
    this._names.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the text keeps the focus
      const option = event.target instanceof Element ? event.target.closest("[role=option]") : null;
      const place = option ? [...this._names.children].indexOf(option) : -1;
      if (place >= 0) this._take(this._offered[place]);
    });
    this._form.addEventListener("submit", (event) => {
      event.preventDefault();
      this._send();
    });
    this.text.value = memory?.getItem(MEMORY_KEY) ?? "";
    this._grow();
  }

  /** @param {Character[]} cast */
  setCast(cast) {
    this._cast = cast;
  }

  _send() {
    const { text, to } = mentions(this.text.value.trim(), this._cast);
    if (text === "" || !this._onSend(text, to)) return;
    this.text.value = "";
    this._changed();
  }

  _grow() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
  }

  _changed() {
    this._grow();
    try {
      this._memory?.setItem(MEMORY_KEY, this.text.value);
    } catch {
      // A full or forbidden storage: it lasts as long as the page.
    }
    const typed = beingTyped(this.text.value, this.text.selectionStart);
    this._offer(typed ? matching(this._cast, typed.query) : []);
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (event.isComposing) return;
    const offered = this._offered[this._chosen];
    if (offered && this._choose(event)) {
      event.preventDefault();
      event.stopPropagation(); // Escape closes the list and interrupts nobody
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this._form.requestSubmit();
    }
  }

  /** What a key means for the names offered; false: nothing. @param {KeyboardEvent} event */
  _choose({ key }) {
    if (key === "ArrowDown") this._offer(this._offered, this._chosen + 1);
    else if (key === "ArrowUp") this._offer(this._offered, this._chosen - 1);
    else if (key === "Enter" || key === "Tab") this._take(this._offered[this._chosen]);
    else if (key === "Escape") this._offer([]);
    else return false;
    return true;
  }

  /** @param {Character} character */
  _take({ name }) {
    const caret = this.text.selectionStart;
    const typed = beingTyped(this.text.value, caret);
    if (typed) this.text.setRangeText(`@${name} `, typed.from, caret, "end");
    this._changed();
  }

  /** @param {Character[]} characters @param {number} chosen */
  _offer(characters, chosen = 0) {
    this._offered = characters;
    this._chosen = characters.length ? (chosen + characters.length) % characters.length : 0;
    const options = characters.map(({ id, name }, place) => {
      const option = element("li", "name-option", name);
      option.id = `name-${id}`;
      option.role = "option";
      option.dir = "auto";
      option.ariaSelected = String(place === this._chosen);
      return option;
    });
    this._names.replaceChildren(...options);
    this._names.hidden = options.length === 0;
    const active = options[this._chosen]?.id;
    if (active) this.text.setAttribute("aria-activedescendant", active);
    else this.text.removeAttribute("aria-activedescendant");
  }
}
