// @ts-check
/// <reference path="../../types.d.ts" />
/** The stored cast in scene order. Rows are kept and changed in place, so that the focus stays where it is. */

import { button, element, setHue, setText } from "../../view/dom.js";
import { face } from "../../view/faces.js";
import { problemLine, tell } from "./controls.js";
import { found, placeAfterKey, sceneText } from "./order.js";
import { makeMovable, moveRow, placeOf } from "./reorder.js";
import { voiceName } from "./voices.js";

const MANY = 8; // from here on, a name can be searched for

/**
 * @typedef {object} ListListeners
 * @property {(id: string) => void} onEdit
 * @property {(id: string, enabled: boolean) => void} onEnable
 * @property {(ids: string[]) => void} onArrange everybody, in the new order
 */

/** @typedef {{cast: StoredCharacter[], voices: import("./voices.js").Voice[], places: Record<string, number>}} Shown */

export class CastList {
  /** @param {import("../../view/faces.js").Portraits} portraits @param {ListListeners} listeners */
  constructor(portraits, listeners) {
    this._portraits = portraits;
    this._listeners = listeners;
    /** @type {Map<string, Row>} */
    this._rows = new Map();
    this._list = element("ol", "characters");
    this._count = element("p", "hint");
    this._live = element("p", "visually-hidden");
    this._live.setAttribute("role", "status");
    this._search = element("input", "");
    this._search.type = "search";
    this._search.hidden = true;
    this._search.placeholder = "Find by name";
    this._search.ariaLabel = "Find by name";
    this._search.addEventListener("input", () => this._filter());
    this._head = element("div", "list-head", this._count, this._search);
    this.node = element("div", "", this._head, this._list, this._live);
    /** @type {StoredCharacter[]} */
    this._cast = [];
  }

  /** @param {Shown} shown */
  draw({ cast, voices, places }) {
    this._cast = cast;
    const known = Object.keys(places).length;
    for (const [id, row] of this._rows) {
      if (cast.some((character) => character.id === id)) continue;
      row.node.remove();
      this._rows.delete(id);
    }
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    for (const [place, character] of cast.entries()) {
      const row = this._row(character.id);
      row.draw(character, voiceName(voices, character.voice), this._portraits);
      setHue(row.node, places[character.id] ?? known + place);
      if (this._list.children[place] !== row.node)
        this._list.insertBefore(row.node, this._list.children[place] ?? null);
    }
    // A row that is put elsewhere loses the focus, and with it the next key.
    if (focused !== document.activeElement && this._list.contains(focused)) focused?.focus({ preventScroll: true });
    setText(this._count, cast.length > 0 ? sceneText(cast) : "");
    this._search.hidden = cast.length < MANY;
    if (cast.length < MANY) this._search.value = "";
    this._filter();
  }

  /** Why something could not be done with a character. @param {string} id @param {string} problem */
  showProblem(id, problem) {
    const row = this._rows.get(id);
    if (row) tell(row.problem, problem);
  }

  /** @param {string} id */
  reveal(id) {
    this._rows.get(id)?.node.scrollIntoView({ block: "nearest" });
  }

  /** @param {string} id */
  focus(id) {
    this._rows.get(id)?.edit.focus();
  }

  /** @param {string} id */
  _row(id) {
    const known = this._rows.get(id);
    if (known) return known;
    const row = new Row(id, this._listeners, () => this._moved(row));
    this._rows.set(id, row);
    return row;
  }

  /** @param {Row} row */
  _moved(row) {
    const ids = [...this._list.children].map((node) => /** @type {HTMLElement} */ (node).dataset.character ?? "");
    setText(this._live, `${row.name}: place ${placeOf(row.node) + 1} of ${ids.length}`);
    this._listeners.onArrange(ids);
  }

  _filter() {
    const wanted = new Set(found(this._cast, this._search.value).map(({ id }) => id));
    for (const [id, { node }] of this._rows) node.hidden = !wanted.has(id);
    this._list.classList.toggle("searched", this._search.value.trim() !== "");
  }
}

class Row {
  /** @param {string} id @param {ListListeners} listeners @param {() => void} moved */
  constructor(id, { onEdit, onEnable }, moved) {
    this.name = "";
    this._drawn = "";
    this._handle = element("button", "handle");
    this._handle.type = "button";
    this._handle.setAttribute("aria-expanded", "false");
    this._face = element("span", "");
    this._who = element("span", "called");
    this._who.dir = "auto";
    this._voice = element("span", "hint");
    this._voice.dir = "auto";
    this.edit = element("button", "choose", this._face, element("span", "labels", this._who, this._voice));
    this.edit.type = "button";
    this.edit.append(element("span", "edit-word", "Edit"));
    this.edit.addEventListener("click", () => onEdit(id));
    this._switch = element("input", "switch");
    this._switch.type = "checkbox";
    this._switch.setAttribute("role", "switch");
    this._switch.addEventListener("change", () => onEnable(id, this._switch.checked));
    this._label = element("span", "visually-hidden");
    this.problem = problemLine();
    const move = (/** @type {string} */ key) => () => {
      const to = placeAfterKey(key, placeOf(this.node), this.node.parentElement?.childElementCount ?? 0);
      if (to === null) return;
      moveRow(this.node, to);
      moved();
    };
    const moves = element("div", "actions moves");
    moves.append(button("Move up", move("ArrowUp")), button("Move down", move("ArrowDown")));
    moves.hidden = true;
    const enable = element("label", "enable", this._label, this._switch);
    this.node = element("li", "character voice", this._handle, this.edit, enable, moves, this.problem);
    this.node.dataset.character = id;
    const tapped = () => {
      moves.hidden = !moves.hidden;
      this._handle.setAttribute("aria-expanded", String(!moves.hidden));
    };
    makeMovable(this._handle, this.node, { moved, tapped });
  }

  /** @param {StoredCharacter} character @param {string} voice @param {import("../../view/faces.js").Portraits} portraits */
  draw(character, voice, portraits) {
    const { id, name, enabled } = character;
    this._switch.checked = enabled;
    this.node.classList.toggle("absent", !enabled);
    setText(this._voice, voice);
    const looks = `${name} ${portraits.get(id) ?? ""}`;
    if (looks === this._drawn) return;
    this._drawn = looks;
    this.name = name;
    setText(this._who, name);
    setText(this._label, `${name} is in the scene`);
    this.edit.title = name;
    this._handle.ariaLabel = `Move ${name}: drag, use the arrow keys, or press for buttons`;
    this._face.replaceChildren(face(character, portraits));
  }
}
