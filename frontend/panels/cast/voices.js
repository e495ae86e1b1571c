// @ts-check
/** The voices there are to choose from, and what new ones can be made from. Pure. */

/**
 * A voice as `GET /v1/audio/voices` lists it; see docs/voices.md.
 * @typedef {{voice_id: string, name: string, description: string, labels: {language: string},
 *   method: "preset" | "clone" | "description"}} Voice
 * @typedef {"record" | "upload" | "describe"} Source where a new voice comes from
 */

/** @type {Readonly<Record<string, string>>} those that the server has names for */
export const LANGUAGES = Object.freeze({
  en: "English",
  de: "German",
  es: "Spanish",
  fr: "French",
  it: "Italian",
  ja: "Japanese",
  ko: "Korean",
  pt: "Portuguese",
  zh: "Chinese",
});

/**
 * What a server that adds voices of these types can make one from; one that does not say may know all of them.
 * @param {string[] | undefined} types
 * @returns {Source[]}
 */
export function sources(types) {
  const has = (/** @type {string} */ type) => types === undefined || types.includes(type);
  return [
    ...(has("audio_sample") ? /** @type {const} */ (["record", "upload"]) : []),
    ...(has("prompt") ? /** @type {const} */ (["describe"]) : []),
  ];
}

/** Whether somebody has added this voice, so that it can be deleted. @param {Voice} voice */
export function isAdded({ voice_id, method }) {
  return method !== "preset" || voice_id.startsWith("voice_");
}

/**
 * What is said of a voice beside its name.
 * @param {Voice} voice
 */
export function voiceText({ description, labels, method }) {
  const language = labels.language.charAt(0).toLocaleUpperCase() + labels.language.slice(1);
  const parts = [method === "clone" ? "From a recording" : "", description, language === "English" ? "" : language];
  return parts.filter(Boolean).join(" · ");
}

/** What a character's voice is called. @param {Voice[]} voices @param {string | null} id */
export function voiceName(voices, id) {
  if (id === null || id === "") return "Any voice";
  return voices.find(({ voice_id }) => voice_id === id)?.name ?? id;
}
