// @ts-check
/// <reference path="../types.d.ts" />
/** The panel "Settings": what the person has chosen. Everything applies at once and is kept in this browser. */

import { DEFAULTS } from "../preferences.js";
import { button, element, setText } from "../view/dom.js";
import { Controls } from "./settings/controls.js";
import { deviceFields } from "./settings/devices.js";
import { connectionHint, modelHint, modelPlaceholder } from "./settings/wording.js";

/** @typedef {import("../model/state.js").State} State */

const LONGEST_NAME = 64;
const LONGEST_MODEL = 200;
const FIRST_TEMPERATURE = 1;

const EAGERNESS = /** @type {const} */ ([
  ["low", "Low", "Time to think: waits up to 2 seconds in the middle, 0.6 after a finished sentence."],
  ["medium", "Medium", "Waits up to 1.2 seconds in the middle, a quarter of a second after a finished sentence."],
  ["high", "High", "Waits at most 0.8 seconds, and sometimes takes a pause for the end."],
]);

const THEMES = /** @type {const} */ ([
  ["system", "As the system"],
  ["light", "Light"],
  ["dark", "Dark"],
]);

const OUTPUT_RATES = /** @type {const} */ ([
  [16000, "16 kHz, the least data"],
  [24000, "24 kHz"],
  [48000, "48 kHz, the most data"],
]);

export default class {
  title = "Settings";

  /** @param {import("./host.js").PanelContext} context */
  constructor(context) {
    this._context = context;
    this._sound = /** @type {Partial<import("./settings/devices.js").Devices>} */ (context.sound);
    this._controls = new Controls(context.preferences);
    this._devices = deviceFields(this._controls, this._sound);
    this._connection = element("p", "hint connection");
    this._connection.role = "status";
    this._problem = element("p", "problem");
    this._problem.role = "alert";
    this._modelHint = element("p", "hint");
    this._modelName = this._controls.text("model", "Model", "", LONGEST_MODEL);
    this._done = element("p", "hint");
    this._done.role = "status";
    this._reset = button("Back to the defaults", () => this._restoreDefaults());
    this._undo = button("Undo", () => this._takeBack());
    /** What was chosen before the defaults were. */
    this._before = context.preferences.value;
    const name = this._controls.text("user_name", "Your name", "What the characters call you.", LONGEST_NAME);
    const sections = [name.node, this._conversation(), this._model(), this._audio(), this._look(), this._ending()];
    this.node = element("div", "", this._problem, this._connection, ...sections);
    /** The error the page showed before, which is told there. @type {State["error"]} */
    this._known = null;
  }

  open() {
    this._known = this._context.state().error;
    this._undo.hidden = true;
    setText(this._done, "");
    this._controls.show();
    this._sound.onDevices = () => void this._devices.offer();
    void this._devices.offer();
  }

  /** @param {State} state */
  draw({ connection, engines, error }) {
    setText(this._connection, connectionHint(connection));
    setText(this._problem, error && error !== this._known ? error.message : "");
    setText(this._modelHint, modelHint(engines));
    this._modelName.input.placeholder = modelPlaceholder(engines);
  }

  closed() {
    this._sound.onDevices = null;
    // What was typed counts, even if the panel is closed before the field is left.
    for (const input of this.node.querySelectorAll("input[type=text]")) input.dispatchEvent(new Event("change"));
  }

  _conversation() {
    const controls = this._controls;
    const push = controls.check(
      "Push-to-talk",
      "Hold Space, or the button, while you speak. Nothing else is heard.",
      ({ mode }) => mode === "push_to_talk",
      (checked) => ({ mode: checked ? "push_to_talk" : "auto" }),
    );
    const eagerness = controls.radios("eagerness", "Eagerness: how soon they answer when you pause", EAGERNESS);
    controls.onShow(({ mode }) => (eagerness.disabled = mode === "push_to_talk"));
    const captions = controls.check(
      "Captions",
      "Words appear while they are spoken. Without them, a reply can be read when it has been heard.",
      (value) => value.captions,
      (checked) => ({ captions: checked }),
    );
    const keep = controls.check(
      "Keep the sound of replies",
      "On the server, with the conversation, so that it can be saved as sound. Your own voice is never kept.",
      (value) => value.keep_audio,
      (checked) => ({ keep_audio: checked }),
    );
    return section("Conversation", push, eagerness, captions, keep);
  }

  _model() {
    const controls = this._controls;
    const own = controls.check(
      "Set the temperature",
      "Low is predictable, high is inventive. Without it, the server's own.",
      ({ temperature }) => temperature !== null,
      (checked) => ({ temperature: checked ? FIRST_TEMPERATURE : null }),
    );
    const temperature = controls.slider("temperature", "Temperature", {
      ...{ most: 2, step: 0.1, unset: FIRST_TEMPERATURE, when: "change" },
      text: (value) => value.toFixed(1),
    });
    controls.onShow((value) => (temperature.node.hidden = value.temperature === null));
    return section("Language model", this._modelHint, this._modelName.node, own, temperature.node);
  }

  _audio() {
    const volume = this._controls.slider("volume", "Volume", {
      ...{ most: 1, step: 0.01, unset: 1, when: "input" },
      text: (value) => `${Math.round(value * 100)} %`,
    });
    const rate = this._controls.select(
      "output_rate",
      "Output rate",
      "Samples a second of the voices. From the next turn on.",
    );
    rate.offer(OUTPUT_RATES);
    return section("Sound", ...this._devices.nodes, volume.node, rate.node);
  }

  _look() {
    const themes = this._controls.radios("theme", "Theme", THEMES);
    themes.classList.add("in-a-row");
    return section("Look", themes);
  }

  _ending() {
    const kept = element("p", "hint", "Everything here applies at once and is kept in this browser.");
    return element("section", "", kept, element("div", "actions", this._reset, this._undo, this._done));
  }

  /** The scene and the talk among themselves are chosen, and stay, where the cast is. */
  _restoreDefaults() {
    const { scene, lines_among_themselves, ...defaults } = DEFAULTS;
    this._before = this._context.preferences.value;
    this._controls.change(defaults);
    this._undo.hidden = false;
    setText(this._done, "These are the defaults.");
  }

  _takeBack() {
    this._controls.change(this._before);
    this._undo.hidden = true;
    setText(this._done, "");
    this._reset.focus();
  }
}

/** @param {string} title @param {...Node} children */
function section(title, ...children) {
  const heading = element("h3", "", title);
  heading.id = `settings-section-${title.toLowerCase().replaceAll(" ", "-")}`;
  const node = element("section", "", heading, ...children);
  node.setAttribute("aria-labelledby", heading.id);
  return node;
}
