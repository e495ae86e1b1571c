// @ts-check
/// <reference path="../../types.d.ts" />
/** Form controls that show preferences and change them at once. Know nothing of what the preferences mean. */

import { element, part } from "../../view/dom.js";

/**
 * A choice: its value, its name and, where it needs one, what it does.
 * @template Value
 * @typedef {readonly [value: Value, label: string, meaning?: string]} Choice
 */

/**
 * @typedef {object} Scale from 0 to `most`
 * @property {number} most
 * @property {number} step
 * @property {number} unset shown while the preference is null
 * @property {"input" | "change"} when it applies: while it is moved, or once it is let go
 * @property {(value: number) => string} text
 */

export class Controls {
  /** @param {import("../../preferences.js").StoredPreferences} preferences */
  constructor(preferences) {
    this._preferences = preferences;
    /** @type {((value: Readonly<Preferences>) => void)[]} */
    this._shows = [];
    preferences.onChange(() => this.show());
  }

  /** Show what is chosen. */
  show() {
    for (const show of this._shows) show(this._preferences.value);
  }

  /** @param {(value: Readonly<Preferences>) => void} show called when something has been chosen */
  onShow(show) {
    this._shows.push(show);
  }

  /** @param {Partial<Preferences>} changes */
  change(changes) {
    this._preferences.change(changes);
  }

  /** @param {"user_name" | "model"} name @param {string} label @param {string} hint @param {number} longest */
  text(name, label, hint, longest) {
    const input = element("input", "");
    input.type = "text";
    input.dir = "auto";
    input.maxLength = longest;
    input.autocomplete = "off";
    input.spellcheck = false;
    input.addEventListener("change", () => this.change({ [name]: input.value.trim() }));
    this.onShow((value) => (input.value = value[name]));
    return { node: field(input, name, label, hint), input };
  }

  /** @param {string} label @param {string} hint @param {(value: Readonly<Preferences>) => boolean} read
   * @param {(checked: boolean) => Partial<Preferences>} write */
  check(label, hint, read, write) {
    const input = element("input", "");
    input.type = "checkbox";
    input.addEventListener("change", () => this.change(write(input.checked)));
    this.onShow((value) => (input.checked = read(value)));
    return check(input, label, hint);
  }

  /**
   * @template {"eagerness" | "theme"} Name
   * @param {Name} name @param {string} legend @param {readonly Choice<Preferences[Name]>[]} choices
   */
  radios(name, legend, choices) {
    const inputs = choices.map(([value]) => {
      const input = element("input", "");
      input.type = "radio";
      input.name = name;
      input.value = value;
      input.addEventListener("change", () => this.change({ [name]: value }));
      return input;
    });
    this.onShow((value) => {
      for (const input of inputs) input.checked = input.value === value[name];
    });
    const rows = choices.map(([, label, meaning = ""], place) => check(inputs[place], label, meaning));
    return element("fieldset", "radios", element("legend", "", legend), ...rows);
  }

  /**
   * @template {"output_rate" | "microphone" | "loudspeaker"} Name
   * @param {Name} name @param {string} label @param {string} hint
   */
  select(name, label, hint) {
    const input = element("select", "");
    /** @type {readonly Choice<Preferences[Name]>[]} */
    let choices = [];
    const show = () => {
      const chosen = this._preferences.value[name];
      const known = choices.some(([value]) => value === chosen);
      const missing = known ? [] : [new Option("The one chosen before, not found", String(chosen))];
      const options = choices.map(([value, text]) => new Option(text, String(value)));
      input.replaceChildren(...options, ...missing);
      input.value = String(chosen);
    };
    input.addEventListener("change", () => {
      const choice = choices.find(([value]) => String(value) === input.value);
      if (choice) this.change({ [name]: choice[0] });
    });
    this.onShow(show);
    const offer = (/** @type {readonly Choice<Preferences[Name]>[]} */ offered) => {
      choices = offered;
      show();
    };
    const node = field(input, name, label, hint);
    return { node, offer, hint: part(node, ".hint") };
  }

  /**
   * @param {"temperature" | "volume"} name @param {string} label
   * @param {Scale} scale
   */
  slider(name, label, { most, step, unset, when, text }) {
    const input = element("input", "");
    input.type = "range";
    input.min = "0";
    input.max = String(most);
    input.step = String(step);
    const output = element("output", "");
    const say = () => {
      output.value = text(Number(input.value));
      input.setAttribute("aria-valuetext", output.value);
    };
    input.addEventListener("input", say);
    input.addEventListener(when, () => this.change({ [name]: Number(input.value) }));
    this.onShow((value) => {
      input.value = String(value[name] ?? unset);
      say();
    });
    const node = field(input, name, label, "");
    const named = element("div", "named", node.children[0], output);
    node.prepend(named);
    output.htmlFor.add(input.id);
    return { node, input };
  }
}

/** @param {HTMLElement} input @param {string} name @param {string} label @param {string} hint */
function field(input, name, label, hint) {
  input.id = `settings-${name}`;
  const heading = element("label", "", label);
  heading.htmlFor = input.id;
  const node = element("div", "field", heading, input);
  if (hint) node.append(described(input, hint));
  return node;
}

let checks = 0;

/** @param {HTMLInputElement} input @param {string} label @param {string} hint */
function check(input, label, hint) {
  checks += 1;
  input.id = `settings-check-${checks}`;
  const name = element("span", "check-name", label);
  name.id = `${input.id}-name`;
  input.setAttribute("aria-labelledby", name.id);
  const text = element("span", "", name, ...(hint ? [described(input, hint)] : []));
  return element("label", "check", input, text);
}

/** @param {HTMLElement} input @param {string} hint */
function described(input, hint) {
  const node = element("span", "hint", hint);
  node.id = `${input.id}-hint`;
  input.setAttribute("aria-describedby", node.id);
  return node;
}
