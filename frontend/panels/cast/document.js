// @ts-check
/// <reference path="../../types.d.ts" />
/** A character as the form holds it: what it is at first, what has changed, and what it says to be heard. Pure. */

/**
 * What the form edits of a character.
 * @typedef {Pick<StoredCharacter, "name" | "voice" | "system_prompt" | "description" | "personality" | "scenario"
 *   | "first_message" | "alternate_greetings" | "example_dialogue" | "post_history_instructions" | "talkativeness"
 *   | "interruptible">} Fields
 */

/** @type {Readonly<Fields>} */
export const BLANK = Object.freeze({
  name: "",
  voice: null,
  system_prompt: "",
  description: "",
  personality: "",
  scenario: "",
  first_message: "",
  alternate_greetings: [],
  example_dialogue: "",
  post_history_instructions: "",
  talkativeness: 0,
  interruptible: true,
});

const NAMES = /** @type {(keyof Fields)[]} */ (Object.keys(BLANK));
const LONGEST_SAMPLE = 160;

/** What the form shows of a character; `null`: of one to be added. @param {StoredCharacter | null} character */
export function fieldsOf(character) {
  const entries = NAMES.map((name) => [name, character === null ? BLANK[name] : character[name]]);
  return /** @type {Fields} */ (Object.fromEntries(entries));
}

/**
 * The fields of `after` that `before` has otherwise: what a save sends. Empty greetings are none.
 * @param {Readonly<Fields>} before @param {Readonly<Fields>} after
 * @returns {Partial<Fields>}
 */
export function changes(before, after) {
  const given = { ...after, alternate_greetings: after.alternate_greetings.filter((text) => text.trim() !== "") };
  const changed = NAMES.filter((name) => JSON.stringify(given[name]) !== JSON.stringify(before[name]));
  return Object.fromEntries(changed.map((name) => [name, given[name]]));
}

/** When it joins in although nobody in particular was addressed. @param {number} talkativeness 0 to 1 */
export function talkativenessText(talkativeness) {
  if (talkativeness === 0) return "Only when addressed";
  if (talkativeness < 0.25) return "Rarely joins in";
  if (talkativeness < 0.5) return "Joins in now and then";
  if (talkativeness < 0.75) return "Joins in often";
  return talkativeness < 1 ? "Joins in nearly always" : "Always joins in";
}

/** What stands beside the form of what a character knows. @param {object | null} lorebook */
export function knowledgeText(lorebook) {
  const entries = lorebook && "entries" in lorebook && Array.isArray(lorebook.entries) ? lorebook.entries.length : 0;
  if (entries === 0) return "";
  return `Its lorebook has ${entries === 1 ? "one entry" : `${entries} entries`}. They are kept as they are.`;
}

/**
 * A sentence to hear a voice by, in the character's own words where it has some.
 * @param {Pick<Fields, "name" | "first_message">} fields @param {string} person what the person is called
 */
export function sampleText({ name, first_message }, person) {
  const called = name.trim();
  const words = first_message
    .replace(/\*[^*]*\*/gu, " ")
    .replace(/\{\{char\}\}|<BOT>/giu, () => called)
    .replace(/\{\{user\}\}|<USER>/giu, () => person || "my friend")
    .replace(/\{\{[^}]*\}\}/gu, "")
    .replace(/\s+/gu, " ")
    .trim();
  const [first] = new Intl.Segmenter(undefined, { granularity: "sentence" }).segment(words);
  const sentence = first?.segment.trim() ?? "";
  if (/\p{L}/u.test(sentence) && sentence.length <= LONGEST_SAMPLE) return sentence;
  return called ? `Hello, I am ${called}. It is good to see you.` : "Hello. It is good to see you.";
}
