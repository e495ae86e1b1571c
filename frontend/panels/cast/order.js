// @ts-check
/// <reference path="../../types.d.ts" />
/** The cast in scene order: places, who is in the scene, and what a search finds. Pure. */

export const MOST_IN_SCENE = 12;

/** Where a key takes what is at `place` of `count`; `null`: nowhere. @param {string} key @param {number} place @param {number} count */
export function placeAfterKey(key, place, count) {
  const places = new Map([
    ["ArrowUp", place - 1],
    ["ArrowDown", place + 1],
    ["Home", 0],
    ["End", count - 1],
  ]);
  const to = places.get(key);
  return to === undefined || to < 0 || to >= count || to === place ? null : to;
}

/** `cast` in the order of `ids`; who is not in it follows. @param {StoredCharacter[]} cast @param {string[]} ids */
export function arranged(cast, ids) {
  const first = ids.flatMap((id) => cast.find((character) => character.id === id) ?? []);
  return [...first, ...cast.filter((character) => !first.includes(character))];
}

/**
 * Whether a session that has the one cast would be another with the other.
 * @param {StoredCharacter[]} before @param {StoredCharacter[]} after
 */
export function sceneChanged(before, after) {
  return JSON.stringify(before.filter(inScene)) !== JSON.stringify(after.filter(inScene));
}

/** @param {StoredCharacter} character */
function inScene({ enabled }) {
  return enabled;
}

/** How many take part. @param {StoredCharacter[]} cast */
export function sceneText(cast) {
  const present = cast.filter(inScene).length;
  const room = present === MOST_IN_SCENE ? "; that is the most" : "";
  return `${present} of ${cast.length} in the scene${room}`;
}

/** Those whose name has `query` in it, in any case. @param {StoredCharacter[]} cast @param {string} query */
export function found(cast, query) {
  const wanted = query.trim().toLocaleLowerCase();
  return cast.filter(({ name }) => name.toLocaleLowerCase().includes(wanted));
}
