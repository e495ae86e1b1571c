// @ts-check
/// <reference path="../../types.d.ts" />
/** What can be done with a character that is stored, besides changing it: it is exported, or deleted. */

import { button, download, element } from "../../view/dom.js";
import { ask } from "./controls.js";

/**
 * @typedef {object} ActionsContext
 * @property {import("../../api.js").Api} api
 * @property {() => StoredCharacter} character
 * @property {() => void} onDeleted
 * @property {(act: () => Promise<void>) => Promise<void>} attempt does it, and tells what goes wrong
 */

/** @param {ActionsContext} context */
export function storedActions({ api, character, onDeleted, attempt }) {
  const path = () => `/api/characters/${encodeURIComponent(character().id)}`;
  const save = (/** @type {"png" | "json"} */ format) => async () =>
    download(await api.blob(`${path()}/export?format=${format}`), `${character().id}.${format}`);
  const remove = async () => {
    await api.json(path(), { method: "DELETE" });
    onDeleted();
  };
  const sure = () => ask(actions, `Delete ${character().name} for good?`, "Delete", "Keep", () => void attempt(remove));
  const actions = element(
    "div",
    "actions",
    button("Export as picture", () => void attempt(save("png"))),
    button("Export as JSON", () => void attempt(save("json"))),
    button("Delete", sure, "button danger"),
  );
  return element("div", "stored", actions);
}
