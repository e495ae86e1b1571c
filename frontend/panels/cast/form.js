// @ts-check
/// <reference path="../../types.d.ts" />
/** Adds or edits a character. What is typed stays until it is saved or given up, whatever the server answers. */

import { button, element, part, setText } from "../../view/dom.js";
import { ask, check, field, problemLine, problemText, tell, textArea, textInput } from "./controls.js";
import { changes, fieldsOf, knowledgeText, sampleText, talkativenessText } from "./document.js";
import { Greetings } from "./greetings.js";
import { PortraitField } from "./portrait-field.js";
import { storedActions } from "./stored-actions.js";
import { VoicePicker } from "./voice-picker.js";

const LONGEST_NAME = 128;
const LONGEST_TEXT = 50_000;

/** @typedef {import("./document.js").Fields} Fields */

/**
 * @typedef {object} FormContext
 * @property {import("../../api.js").Api} api
 * @property {import("./audition.js").Audition} audition
 * @property {() => string} person what the person is called
 * @property {() => void} onNewVoice
 * @property {(voice: string) => void} onVoiceDeleted
 * @property {(id: string | null) => void} onSaved with the id of the character; `null`: it was deleted
 * @property {() => void} onLeft nothing more is to be saved
 */

export class CharacterForm {
  dropText = "Drop a picture: it becomes the portrait";

  /** @param {FormContext} context */
  constructor(context) {
    this._context = context;
    /** @type {StoredCharacter | null} */
    this._character = null;
    this._before = fieldsOf(null);
    this.portrait = new PortraitField();
    this._name = textInput(LONGEST_NAME);
    this._name.required = true;
    this._name.addEventListener("input", () => this.portrait.rename(this._name.value));
    this._texts = {
      system_prompt: textArea(LONGEST_TEXT),
      first_message: textArea(LONGEST_TEXT),
      description: textArea(LONGEST_TEXT),
      personality: textArea(LONGEST_TEXT),
      scenario: textArea(LONGEST_TEXT),
      example_dialogue: textArea(LONGEST_TEXT),
      post_history_instructions: textArea(LONGEST_TEXT),
    };
    this._greetings = new Greetings(LONGEST_TEXT);
    this._talkativeness = element("input", "");
    this._talkativeness.type = "range";
    this._talkativeness.max = "1";
    this._talkativeness.step = "0.05";
    this._talkativeness.addEventListener("input", () => this._drawTalkativeness());
    this._talkativenessText = element("output", "hint");
    this._interruptible = element("input", "");
    this._knowledge = element("p", "hint");
    this.voice = new VoicePicker({
      api: context.api,
      audition: context.audition,
      sample: () => sampleText(this._fields(), context.person()),
      onNew: context.onNewVoice,
      onDeleted: context.onVoiceDeleted,
    });
    this._problem = problemLine();
    this._save = element("button", "button main", "Save");
    this._save.type = "submit";
    this._more = this._moreFields();
    this._stored = storedActions({
      api: context.api,
      character: () => /** @type {StoredCharacter} */ (this._character),
      onDeleted: () => context.onSaved(null),
      attempt: (act) => this._try(act),
    });
    this.node = this._form();
  }

  _form() {
    const { system_prompt, first_message } = this._texts;
    const talkativeness = field("When it joins in", this._talkativeness);
    talkativeness.append(this._talkativenessText);
    const cancel = button("Cancel", () => this.leave());
    const actions = element("div", "actions", this._save, cancel);
    const form = element(
      "form",
      "form",
      element("h3", ""),
      this.portrait.node,
      field("Name", this._name),
      field("Who it is", system_prompt, "As one would tell it: “You are Ada, who repairs engines.”"),
      this.voice.node,
      talkativeness,
      check("You can interrupt it", this._interruptible),
      field("First message", first_message, "What it may begin a conversation with."),
      this._more,
      this._stored,
      element("div", "save-bar", this._problem, actions),
    );
    part(form, "h3").tabIndex = -1;
    form.noValidate = true;
    form.addEventListener("input", () => tell(this._problem, ""));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this._saveNow();
    });
    return form;
  }

  _moreFields() {
    const { description, personality, scenario, example_dialogue, post_history_instructions } = this._texts;
    return element(
      "details",
      "more",
      element("summary", "", "More"),
      field("Description", description),
      field("Personality", personality),
      field("Scenario", scenario, "What this is about."),
      this._greetings.node,
      field("Example dialogue", example_dialogue, "How it speaks: conversations, each after a line <START>."),
      field("Instructions after the conversation", post_history_instructions, "Told after everything that was said."),
      this._knowledge,
    );
  }

  /**
   * @param {StoredCharacter | null} character `null`: one to be added
   * @param {string} address of its portrait; empty: there is none
   */
  open(character, address) {
    const fields = (this._before = fieldsOf(character));
    this._character = character;
    setText(part(this.node, "h3"), character ? `Edit ${character.name}` : "A new character");
    this._name.value = fields.name;
    for (const [name, control] of this._controls()) control.value = fields[name];
    this._greetings.value = fields.alternate_greetings;
    this._talkativeness.value = String(fields.talkativeness);
    this._interruptible.checked = fields.interruptible;
    this._drawTalkativeness();
    this.voice.choose(fields.voice);
    setText(this._knowledge, knowledgeText(character?.lorebook ?? null));
    this._stored.hidden = character === null;
    this._more.open = false;
    this.portrait.show({ id: character?.id ?? "", name: fields.name }, address);
    tell(this._problem, "");
    this._before = this._fields(); // controls round numbers and change the ends of lines
  }

  /** Whether something would be lost. */
  get changed() {
    return Object.keys(this._changes()).length > 0 || this.portrait.change !== undefined;
  }

  /** Gives up what was changed, if the person agrees. */
  leave() {
    if (!this.changed) return this._context.onLeft();
    tell(this._problem, "");
    const actions = part(this.node, ".save-bar > .actions");
    ask(actions, "Give up what you have changed?", "Give up", "Keep editing", () => this._context.onLeft());
  }

  /** @param {File[]} files */
  drop([file]) {
    if (file) void this.portrait.take(file);
  }

  _drawTalkativeness() {
    const words = talkativenessText(Number(this._talkativeness.value));
    setText(this._talkativenessText, words);
    this._talkativeness.setAttribute("aria-valuetext", words);
  }

  _controls() {
    return /** @type {[keyof CharacterForm["_texts"], HTMLTextAreaElement][]} */ (Object.entries(this._texts));
  }

  /** @returns {Fields} */
  _fields() {
    const texts = Object.fromEntries(this._controls().map(([name, { value }]) => [name, value]));
    return {
      ...this._before,
      ...texts,
      name: this._name.value.trim(),
      voice: this.voice.value,
      alternate_greetings: this._greetings.value,
      talkativeness: Number(this._talkativeness.value),
      interruptible: this._interruptible.checked,
    };
  }

  _changes() {
    return changes(this._before, this._fields());
  }

  async _saveNow() {
    if (this._fields().name === "") {
      tell(this._problem, "It needs a name.");
      return this._name.focus();
    }
    this._save.disabled = true;
    await this._try(() => this._send());
    this._save.disabled = false;
  }

  async _send() {
    const { api, onSaved } = this._context;
    const sent = this._fields();
    const json = this._changes();
    if (this._character === null || Object.keys(json).length > 0) {
      const path = this._character ? this._path("") : "/api/characters";
      this._character = await api.json(path, { method: this._character ? "PUT" : "POST", json });
      this._before = sent; // what is sent is no change any more, though the portrait may fail
    }
    const { change } = this.portrait;
    if (change === null) await api.json(this._path("/portrait"), { method: "DELETE" });
    if (change) {
      const form = new FormData();
      form.append("file", change, "portrait.png");
      await api.json(this._path("/portrait"), { method: "PUT", form });
    }
    this.portrait.change = undefined;
    onSaved(/** @type {StoredCharacter} */ (this._character).id);
  }

  /** @param {() => Promise<void>} act */
  async _try(act) {
    tell(this._problem, "");
    try {
      await act();
    } catch (error) {
      tell(this._problem, problemText(error));
    }
  }

  /** @param {string} rest */
  _path(rest) {
    return `/api/characters/${encodeURIComponent(this._character?.id ?? "")}${rest}`;
  }
}
