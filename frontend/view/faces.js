// @ts-check
/// <reference path="../types.d.ts" />
/** What characters look like: their portraits, or their initials. */

import { element } from "./dom.js";

/** @typedef {Map<string, string>} Portraits character id -> address of its picture */

/** @param {Pick<Character, "id" | "name">} character @param {Portraits} portraits */
export function face({ id, name }, portraits) {
  const node = element("span", "face");
  node.setAttribute("aria-hidden", "true");
  const address = portraits.get(id);
  if (!address) {
    node.append(initials(name));
    return node;
  }
  const picture = element("img", "");
  picture.alt = "";
  picture.src = address;
  picture.onerror = () => node.replaceChildren(initials(name));
  node.append(picture);
  return node;
}

/** Of the first and the last word; of a name in a script without spaces, its first sign. @param {string} name */
export function initials(name) {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const [first = "?", last = ""] = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return (sign(first) + sign(last)).toLocaleUpperCase();
}

/** The first sign as people see it: a letter with its accents. @param {string} word */
function sign(word) {
  return [...new Intl.Segmenter().segment(word)][0]?.segment ?? "";
}
