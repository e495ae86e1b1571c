// @ts-check
/// <reference path="../../types.d.ts" />
/** Makes a voice: from a recording made here or a file, or as a text describes it. */

import { button, element, part, setText } from "../../view/dom.js";
import { check, field, fileButton, problemLine, problemText, tell, textArea, textInput } from "./controls.js";
import { RecordingField } from "./recording-field.js";
import { LANGUAGES, sources } from "./voices.js";

const LONGEST_NAME = 256;
const LONGEST_TEXT = 4000;
const CONSENT = "I speak in this recording, or I have the speaker's consent.";

/** @typedef {import("./voices.js").Source} Source */

/** @type {Readonly<Record<Source, string>>} */
const SOURCES = { record: "Record", upload: "Upload a file", describe: "Describe it" };

/**
 * @typedef {object} NewVoiceListeners
 * @property {(voice: {id: string, name: string}, warnings: string[]) => void} onMade
 * @property {() => void} onLeft
 */

export class NewVoice {
  dropText = "Drop a recording of the voice";

  /**
   * @param {import("../host.js").PanelContext} context
   * @param {import("./audition.js").Audition} audition
   * @param {NewVoiceListeners} listeners
   */
  constructor(context, audition, listeners) {
    this._api = context.api;
    this._listeners = listeners;
    /** @type {Source} */
    this._source = "record";
    /** @type {File | null} */
    this._file = null;
    this._choices = element("fieldset", "segments", element("legend", "visually-hidden", "Where it comes from"));
    this._recording = new RecordingField(context, audition);
    this._chosen = element("span", "hint");
    this._chosen.dir = "auto";
    const upload = fileButton("Choose a file", "audio/*,video/*", (file) => this._choose(file));
    const advice = "10 to 20 seconds of one person in a quiet room are best; 3 to 30 are taken, at most 10 MB.";
    this._upload = element("div", "field", element("div", "actions", upload, this._chosen));
    this._upload.append(element("p", "hint", advice));
    this._prompt = textArea(LONGEST_TEXT);
    this._prompt.placeholder = "An old man, low and slow, a little weary.";
    this._describe = field("How the voice is", this._prompt, "In free text, or in attributes with semicolons.");
    this._name = textInput(LONGEST_NAME);
    this._language = element("select", "", option("", "Not said"));
    for (const [code, language] of Object.entries(LANGUAGES)) this._language.append(option(code, language));
    this._said = textArea(LONGEST_TEXT);
    this._consent = element("input", "");
    this._ofRecording = element(
      "div",
      "",
      field("What is said in it (optional)", this._said, "Word by word; without, the server listens for itself."),
      check(CONSENT, this._consent),
    );
    this._problem = problemLine();
    this._add = element("button", "button main", "Add the voice");
    this._add.type = "submit";
    this.node = this._form();
  }

  _form() {
    const title = element("h3", "", "A new voice");
    title.tabIndex = -1;
    const actions = element(
      "div",
      "actions",
      this._add,
      button("Back", () => this._listeners.onLeft()),
    );
    const form = element(
      "form",
      "form",
      title,
      this._choices,
      this._recording.node,
      this._upload,
      this._describe,
      field("Name", this._name),
      field("Language", this._language),
      this._ofRecording,
      element("div", "save-bar", this._problem, actions),
    );
    form.noValidate = true;
    form.addEventListener("input", () => tell(this._problem, ""));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this._send();
    });
    return form;
  }

  /** @param {string[] | undefined} types what the server can make voices from */
  open(types) {
    const offered = sources(types);
    for (const choice of this._choices.querySelectorAll("label")) choice.remove();
    this._choices.append(...offered.map((source) => this._choice(source)));
    this._show(offered.includes(this._source) ? this._source : offered[0]);
  }

  /** The microphone is let go of; what was recorded stays. */
  closed() {
    this._recording.end();
  }

  /** @param {File[]} files */
  drop([file]) {
    const offered = [...this._choices.querySelectorAll("input")].some(({ value }) => value === "upload");
    if (!file || !offered) return;
    this._choose(file);
    this._show("upload");
  }

  /** @param {Source} source */
  _choice(source) {
    const input = element("input", "");
    input.type = "radio";
    input.name = "cast-source";
    input.value = source;
    input.addEventListener("change", () => this._show(source));
    return element("label", "", input, element("span", "", SOURCES[source]));
  }

  /** @param {Source} source */
  _show(source) {
    if (this._source !== source) this._recording.clear();
    this._source = source;
    for (const input of this._choices.querySelectorAll("input")) input.checked = input.value === source;
    this._recording.node.hidden = source !== "record";
    this._upload.hidden = source !== "upload";
    this._describe.hidden = source !== "describe";
    this._ofRecording.hidden = source === "describe";
    tell(this._problem, "");
  }

  /** @param {File} file */
  _choose(file) {
    this._file = file;
    setText(this._chosen, file.name);
  }

  /** What is still missing, in words, and where. @param {Blob | null} sample @returns {[string, HTMLElement] | null} */
  _missing(sample) {
    if (this._source === "describe" && this._prompt.value.trim() === "") return ["Say how the voice is.", this._prompt];
    if (this._source === "record" && sample === null) {
      return ["Record something first.", part(this._recording.node, "button")];
    }
    if (this._source === "upload" && sample === null) return ["Choose a file first.", part(this._upload, "button")];
    if (this._name.value.trim() === "") return ["It needs a name.", this._name];
    if (sample !== null && !this._consent.checked)
      return ["The speaker has to agree: tick the line above.", this._consent];
    return null;
  }

  async _send() {
    const sample = { record: this._recording.value, upload: this._file, describe: null }[this._source];
    const missing = this._missing(sample);
    tell(this._problem, missing?.[0] ?? "");
    if (missing) return missing[1].focus();
    const text = this._add.textContent ?? "";
    this._add.disabled = true;
    setText(this._add, "Adding…");
    try {
      const made = await this._api.json("/v1/audio/voices", { form: this._request(sample) });
      this._clear();
      this._listeners.onMade(made, made.warnings ?? []);
    } catch (error) {
      tell(this._problem, problemText(error));
    }
    this._add.disabled = false;
    setText(this._add, text);
  }

  /** @param {Blob | null} sample @returns {FormData} */
  _request(sample) {
    const form = new FormData();
    form.append("name", this._name.value.trim());
    if (this._language.value) form.append("language", this._language.value);
    if (sample === null) {
      form.append("type", "prompt");
      form.append("prompt", this._prompt.value.trim());
      return form;
    }
    form.append("type", "audio_sample");
    form.append("audio_sample", sample, sample instanceof File ? sample.name : "recording");
    if (this._said.value.trim()) form.append("ref_text", this._said.value.trim());
    form.append("consent", CONSENT);
    return form;
  }

  _clear() {
    this._recording.clear();
    this._file = null;
    setText(this._chosen, "");
    this._name.value = this._said.value = this._prompt.value = "";
    this._consent.checked = false;
  }
}

/** @param {string} value @param {string} text */
function option(value, text) {
  const node = element("option", "", text);
  node.value = value;
  return node;
}
