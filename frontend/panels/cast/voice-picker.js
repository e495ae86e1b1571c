// @ts-check
/// <reference path="../../types.d.ts" />
/** Chooses one of the server's voices, lets each be heard, and forgets those that were added. */

import { button, element, setText } from "../../view/dom.js";
import { ask, problemLine, problemText, tell } from "./controls.js";
import { isAdded, sources, voiceText } from "./voices.js";

/** @typedef {import("./voices.js").Voice} Voice */

/**
 * @typedef {object} PickerContext
 * @property {import("../../api.js").Api} api
 * @property {import("./audition.js").Audition} audition
 * @property {() => string} sample what a voice says to be heard
 * @property {() => void} onNew
 * @property {(id: string) => void} onDeleted
 */

export class VoicePicker {
  /** @param {PickerContext} context */
  constructor(context) {
    this._context = context;
    /** @type {string | null} */
    this.value = null;
    this._list = element("div", "voices");
    this._problem = problemLine();
    this._notes = element("p", "hint");
    this._notes.setAttribute("role", "status");
    this._new = button("New voice", context.onNew);
    this._fixed = element("p", "hint", "The engine of this server speaks with these voices; it takes no new ones.");
    const legend = element("legend", "label", "Voice");
    this.node = element("fieldset", "field voices-field", legend, this._list, this._problem, this._notes, this._new);
    this.node.append(this._fixed);
  }

  /** @param {Voice[]} voices @param {string[] | undefined} types what new ones can be made from */
  draw(voices, types) {
    const focused = this._list.contains(document.activeElement);
    const rows = voices.map((voice) =>
      this._row(voice.voice_id, voice.name, voiceText(voice), (name) => this._actions(voice, name)),
    );
    rows.unshift(this._row(null, "Any voice", "The server deals one out"));
    if (this.value && !voices.some(({ voice_id }) => voice_id === this.value)) {
      rows.push(this._row(this.value, this.value, "Not among the voices of this server now; another one stands in"));
    }
    this._list.replaceChildren(...rows);
    this._new.hidden = sources(types).length === 0;
    this._fixed.hidden = !this._new.hidden;
    if (focused) this._checked()?.focus();
  }

  /** @param {string | null} value */
  choose(value) {
    this.value = value || null;
    tell(this._problem, "");
    setText(this._notes, "");
  }

  /** A voice has been added and chosen. @param {string} text */
  tellAdded(text) {
    setText(this._notes, text);
    this._checked()?.focus();
    this.reveal();
  }

  reveal() {
    const chosen = this._checked()?.closest(".voice-row");
    if (chosen instanceof HTMLElement) this._list.scrollTop = chosen.offsetTop - this._list.clientHeight / 3;
  }

  /** @returns {HTMLInputElement | null} */
  _checked() {
    return this._list.querySelector("input:checked");
  }

  /**
   * @param {string | null} id @param {string} called @param {string} about
   * @param {(name: HTMLElement) => Node[]} [actions]
   */
  _row(id, called, about, actions) {
    const choice = element("input", "");
    choice.type = "radio";
    choice.name = "cast-voice";
    choice.checked = this.value === id;
    choice.addEventListener("change", () => (this.value = id));
    const name = element("span", "called", called);
    name.dir = "auto";
    const text = element("span", "labels", name, element("span", "hint", about));
    return element("div", "voice-row", element("label", "check", choice, text), ...(actions?.(name) ?? []));
  }

  /** @param {Voice} voice @param {HTMLElement} name */
  _actions(voice, name) {
    name.id = `cast-voice-${voice.voice_id}`;
    const listen = button("Listen", () => void this._listen(voice, listen));
    const actions = element("div", "actions", listen);
    if (isAdded(voice)) {
      const question = `Delete the voice ${voice.name}? Who has it gets another one.`;
      const sure = () => ask(actions, question, "Delete", "Keep", () => void this._delete(voice));
      actions.append(button("Delete", sure, "button danger"));
    }
    for (const node of actions.children) node.setAttribute("aria-describedby", name.id);
    return [actions];
  }

  /** @param {Voice} voice @param {HTMLButtonElement} listen */
  async _listen({ voice_id }, listen) {
    const { api, audition, sample } = this._context;
    tell(this._problem, "");
    const json = { model: "tts-1", voice: voice_id, input: sample(), response_format: "wav" };
    try {
      await audition.toggle(listen, (signal) => api.blob("/v1/audio/speech", { json, signal }));
    } catch (error) {
      tell(this._problem, problemText(error));
    }
  }

  /** @param {Voice} voice */
  async _delete({ voice_id }) {
    tell(this._problem, "");
    try {
      await this._context.api.json(`/v1/audio/voices/${encodeURIComponent(voice_id)}`, { method: "DELETE" });
      if (this.value === voice_id) this.choose(null);
      this._context.onDeleted(voice_id);
    } catch (error) {
      tell(this._problem, problemText(error));
    }
  }
}
