// @ts-check
/** Buttons of the panel "Conversations". */

import { element } from "../../view/dom.js";

/** @param {string} text @param {string} className @param {() => void} press */
export function button(text, className, press) {
  const node = element("button", className, text);
  node.type = "button";
  node.addEventListener("click", press);
  return node;
}
