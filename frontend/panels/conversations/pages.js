// @ts-check
/// <reference path="../../types.d.ts" />
/** The stored conversations as they come, a page at a time, and what the list says of each. Pure. */

/**
 * A conversation as `GET /api/conversations` lists it; times are Unix time in seconds.
 * @typedef {{id: string, created_at: number, updated_at: number, user_name: string,
 *   characters: {id: string, name: string}[], turns: number, opening: string}} Head
 */

export const PAGE = 50;

/** Where the page after `known` is; without any, the first. @param {Head[]} known */
export function pagePath(known) {
  const oldest = known.at(-1);
  return `/api/conversations?limit=${PAGE}${oldest ? `&before=${oldest.updated_at}` : ""}`;
}

/**
 * `known` and those of one more page, which may have some of them as they are now; the newest first.
 * @param {Head[]} known @param {Head[]} page
 */
export function withPage(known, page) {
  const told = new Set(page.map(({ id }) => id));
  const heads = [...known.filter(({ id }) => !told.has(id)), ...page];
  return heads.sort((a, b) => b.updated_at - a.updated_at);
}

/** What the conversation is called. @param {Head} head */
export function titleText({ opening, characters }) {
  if (opening) return opening;
  return characters.length === 1 ? `${characters[0].name} began` : "They began";
}

/** Who talked, at most four by name. @param {Head} head */
export function whoText({ characters }) {
  const names = characters.map(({ name }) => name);
  if (names.length > 4) names.splice(3, names.length, `${names.length - 3} others`);
  const last = names.pop() ?? "";
  return names.length > 0 ? `${names.join(", ")} and ${last}` : last;
}

/** @param {Head} head */
export function turnsText({ turns }) {
  return turns === 1 ? "1 turn" : `${turns} turns`;
}

/** In the browser's own language and time zone. @param {number} at @param {Intl.LocalesArgument} [language] */
export function dateText(at, language) {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(at * 1000);
}

/** What an exported file is called. @param {number} at @param {string} format */
export function fileName(at, format) {
  const extension = { json: "json", markdown: "md", wav: "wav" }[format];
  return `conversation-${new Date(at * 1000).toISOString().slice(0, 10)}.${extension}`;
}
