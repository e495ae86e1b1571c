// @ts-check
/// <reference path="../../types.d.ts" />
/** Where everybody is, and whether they talk among themselves: preferences that belong to the cast. */

import { element, setText } from "../../view/dom.js";
import { field, textArea } from "./controls.js";

const LONGEST_SCENE = 8000;

/** @param {import("../../preferences.js").StoredPreferences} preferences */
export function sceneSection(preferences) {
  const scene = textArea(LONGEST_SCENE);
  scene.value = preferences.value.scene;
  scene.placeholder = "The harbour, late in the evening.";
  scene.addEventListener("change", () => preferences.change({ scene: scene.value.trim() }));

  const lines = element("input", "");
  lines.type = "range";
  lines.max = "20";
  lines.value = String(preferences.value.lines_among_themselves);
  const words = element("output", "hint");
  const show = () => {
    setText(words, linesText(Number(lines.value)));
    lines.setAttribute("aria-valuetext", words.value);
  };
  lines.addEventListener("input", show);
  lines.addEventListener("change", () => preferences.change({ lines_among_themselves: Number(lines.value) }));
  show();

  const title = element("h3", "", "The scene");
  title.id = "cast-scene";
  const talk = field("Let them talk", lines);
  talk.append(words);
  const node = element("section", "scene", title, field("Where everybody is", scene), talk);
  node.setAttribute("aria-labelledby", title.id);
  return node;
}

/** @param {number} lines */
export function linesText(lines) {
  if (lines === 0) return "After answering you, they wait for you.";
  const most = lines === 1 ? "one line" : `up to ${lines} lines`;
  return `After answering you, they may go on among themselves for ${most}.`;
}
