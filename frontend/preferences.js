// @ts-check
/// <reference path="./types.d.ts" />
/**
 * What the person has chosen, kept in this browser. What the storage holds may be old, or another program's: each
 * value is taken only if it is one that can be. Knows nothing of the page.
 */

export const KEY = "voicechat";
const NAMELESS = "User"; // what the server calls those who have given no name

/** @type {Readonly<Preferences>} */
export const DEFAULTS = Object.freeze({
  user_name: "",
  model: "",
  temperature: null,
  eagerness: "medium",
  mode: "auto",
  captions: true,
  keep_audio: false,
  scene: "",
  lines_among_themselves: 0,
  output_rate: 24000,
  theme: "system",
  volume: 1,
  microphone: "",
  loudspeaker: "",
});

const CHOICES = {
  eagerness: ["low", "medium", "high"],
  mode: ["auto", "push_to_talk"],
  output_rate: [16000, 24000, 48000],
  theme: ["system", "light", "dark"],
};

const RANGES = { temperature: [0, 2], lines_among_themselves: [0, 20], volume: [0, 1] };

export class StoredPreferences {
  /** @param {Pick<Storage, "getItem" | "setItem"> | null} storage `null`: nothing is kept */
  constructor(storage) {
    this._storage = storage;
    this.value = Object.freeze({ ...DEFAULTS, ...valid(read(storage)) });
    /** @type {((value: Readonly<Preferences>, before: Readonly<Preferences>) => void)[]} */
    this._listeners = [];
  }

  /** Another page has changed them: they are as it left them. */
  reread() {
    this._become({ ...DEFAULTS, ...valid(read(this._storage)) });
  }

  /** Change some of them; whoever listens is told, and they are kept. @param {Partial<Preferences>} changes */
  change(changes) {
    const changed = { ...this.value, ...valid(changes) };
    try {
      this._storage?.setItem(KEY, JSON.stringify(changed));
    } catch {
      // A full or forbidden storage: they last as long as the page.
    }
    this._become(changed);
  }

  /** @param {Preferences} value */
  _become(value) {
    const before = this.value;
    this.value = Object.freeze(value);
    for (const listener of this._listeners) listener(this.value, before);
  }

  /** @param {(value: Readonly<Preferences>, before: Readonly<Preferences>) => void} listener */
  onChange(listener) {
    this._listeners.push(listener);
  }
}

/**
 * The session as these preferences want it.
 * @param {Readonly<Preferences>} preferences
 * @returns {Extract<ClientMessage, {type: "session.configure"}>}
 */
export function configuration(preferences) {
  const { user_name, model, temperature, eagerness, mode, captions, keep_audio } = preferences;
  const { scene, lines_among_themselves, output_rate } = preferences;
  const llm = { ...(model && { model }), ...(temperature !== null && { temperature }) };
  return {
    type: "session.configure",
    ...(user_name && { user_name }),
    output_rate,
    llm,
    turn: { eagerness, mode },
    captions,
    keep_audio,
    scene,
    lines_among_themselves,
  };
}

/**
 * What has to be told of a change; `null`: nothing that a session goes by.
 * @param {Readonly<Preferences>} preferences
 * @param {Readonly<Preferences>} before
 */
export function reconfiguration(preferences, before) {
  const [wanted, had] = [configuration(preferences), configuration(before)];
  if (JSON.stringify(wanted) === JSON.stringify(had)) return null;
  return had.user_name && !wanted.user_name ? { ...wanted, user_name: NAMELESS } : wanted;
}

/** @param {Pick<Storage, "getItem"> | null} storage @returns {Record<string, unknown>} */
function read(storage) {
  try {
    const kept = JSON.parse(storage?.getItem(KEY) ?? "{}");
    return typeof kept === "object" && kept !== null ? kept : {};
  } catch {
    return {};
  }
}

/**
 * Those of `values` that preferences can have.
 * @param {Record<string, unknown>} values
 * @returns {Partial<Preferences>}
 */
function valid(values) {
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => isValid(name, value)));
}

/** @param {string} name @param {unknown} value */
function isValid(name, value) {
  if (!Object.hasOwn(DEFAULTS, name)) return false;
  if (Object.hasOwn(CHOICES, name)) {
    return CHOICES[/** @type {keyof typeof CHOICES} */ (name)].some((choice) => choice === value);
  }
  if (!Object.hasOwn(RANGES, name)) return typeof value === typeof DEFAULTS[/** @type {keyof Preferences} */ (name)];
  const [least, most] = RANGES[/** @type {keyof typeof RANGES} */ (name)];
  if (value === null) return name === "temperature";
  return typeof value === "number" && value >= least && value <= most;
}
