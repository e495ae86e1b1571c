// @ts-check
/** Files that come in by being dropped. */

import { element } from "../../view/dom.js";

/**
 * @typedef {object} DropTarget what is shown while files are held over the panel, and what becomes of them
 * @property {string} dropText
 * @property {(files: File[]) => void} drop
 */

/**
 * Files dropped anywhere on `area` go to the target of that moment. Without this, a browser leaves the page for them.
 * @param {HTMLElement} area @param {() => DropTarget} target
 */
export function takeDrops(area, target) {
  const text = element("p", "");
  const veil = element("div", "veil", text);
  veil.hidden = true;
  area.append(veil);
  area.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    text.textContent = target().dropText;
    veil.hidden = false;
  });
  area.addEventListener("dragleave", ({ relatedTarget }) => {
    veil.hidden = !(relatedTarget instanceof Node && area.contains(relatedTarget)) || veil.hidden;
  });
  area.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    veil.hidden = true;
    target().drop([...event.dataTransfer.files]);
  });
}
