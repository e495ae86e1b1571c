// @ts-check
/// <reference path="../types.d.ts" />
/** Characters addressed in a message by `@Name`. Pure. */

/**
 * The characters that `text` addresses, in that order, and the text as they shall read it: without the signs.
 * @param {string} text
 * @param {Character[]} cast
 */
export function mentions(text, cast) {
  const longestFirst = [...cast].sort((a, b) => b.name.length - a.name.length);
  /** @type {string[]} */
  const to = [];
  const read = text.replace(/(^|[\s([{"'“‘¿¡])@(?=\S)/gu, (sign, before, place) => {
    const rest = text.slice(place + sign.length);
    const named = longestFirst.find(({ name }) => begins(rest, name));
    if (named === undefined) return sign;
    if (!to.includes(named.id)) to.push(named.id);
    return before;
  });
  return { text: read, to };
}

/**
 * The mention being typed before `caret`, if any: where its sign stands, and what follows it.
 * @param {string} text @param {number} caret
 */
export function beingTyped(text, caret) {
  const typed = /(?:^|\s)@([^\s@]*)$/u.exec(text.slice(0, caret));
  return typed && { from: caret - typed[1].length - 1, query: typed[1] };
}

/** Those whose name, or a later word of it, begins with `query`. @param {Character[]} cast @param {string} query */
export function matching(cast, query) {
  const wanted = query.toLowerCase();
  return cast.filter(({ name }) => [name, ...name.split(/\s+/u)].some((part) => part.toLowerCase().startsWith(wanted)));
}

/** Whether the whole of `name` stands at the beginning of `text`. @param {string} text @param {string} name */
function begins(text, name) {
  const head = text.slice(0, name.length);
  return head.toLowerCase() === name.toLowerCase() && !/^[\p{L}\p{N}_]/u.test(text.slice(name.length));
}
