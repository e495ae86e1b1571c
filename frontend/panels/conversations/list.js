// @ts-check
/// <reference path="../../types.d.ts" />
/** The list of stored conversations, the newest first. Pages are fetched one after another, when asked for. */

import { button, element, part, setText } from "../../view/dom.js";
import { PAGE, dateText, pagePath, titleText, turnsText, whoText, withPage } from "./pages.js";

/** @typedef {import("./pages.js").Head} Head */

/**
 * @typedef {object} Choices
 * @property {(head: Head) => void} read
 * @property {(id: string) => void} goOn
 * @property {() => void} begin
 */

export class ConversationList {
  /** @param {import("../../api.js").Api} api @param {Choices} choices */
  constructor(api, choices) {
    this._api = api;
    this._choices = choices;
    this._begin = button("New conversation", choices.begin, "button main");
    this._problem = element("p", "problem");
    this._problem.role = "alert";
    this._again = button("Try again", () => void this.refresh());
    this._status = element("p", "hint");
    this._status.role = "status";
    this._items = element("ul", "list");
    this._older = button("Show older ones", () => void this._loadOlder());
    this._begin.disabled = this._older.hidden = this._again.hidden = true;
    const top = [element("div", "actions", this._begin), this._problem, this._again, this._status];
    this.node = element("div", "", ...top, this._items, this._older);
    /** @type {Head[]} */
    this._heads = [];
    /** @type {Map<string, HTMLElement>} */
    this._nodes = new Map();
    this._more = false;
    this._current = "";
    this._open = false;
    this._requests = new AbortController();
  }

  /** Begin with the newest. */
  async load() {
    this.cancel();
    const page = await this._fetch([]);
    if (!page) return;
    this._heads = page;
    this._more = page.length === PAGE;
    this._draw();
  }

  /** Those that have changed are the newest. */
  async refresh() {
    if (this._heads.length === 0) return this.load();
    const page = await this._fetch([]);
    if (!page) return;
    this._heads = withPage(this._heads, page);
    this._draw();
  }

  async _loadOlder() {
    const page = await this._fetch(this._heads);
    if (!page) return;
    this._heads = withPage(this._heads, page);
    this._more = page.length === PAGE;
    this._draw();
    if (!this._more) this.focus((page[0] ?? this._heads.at(-1))?.id ?? ""); // the button is gone
  }

  /** Nobody waits for what is on its way. */
  cancel() {
    this._requests.abort();
    this._requests = new AbortController();
  }

  /** @param {string} id */
  remove(id) {
    this._heads = this._heads.filter((head) => head.id !== id);
    this._draw();
    setText(this._status, "Deleted.");
  }

  /** @param {string} id */
  focus(id) {
    const item = this._nodes.get(id);
    (item ? part(item, "button") : this._begin).focus();
  }

  /** @param {string | null} conversation the one that goes on @param {boolean} open whether there is a connection */
  show(conversation, open) {
    const current = conversation ?? "";
    if (this._current === current && this._open === open) return;
    this._current = current;
    this._open = open;
    this._draw();
  }

  /**
   * The page after `known`; `null` when it could not be had.
   * @param {Head[]} known
   * @returns {Promise<Head[] | null>}
   */
  async _fetch(known) {
    const { signal } = this._requests;
    if (this._heads.length === 0) setText(this._status, "Loading…");
    try {
      const { conversations } = await this._api.json(pagePath(known), { signal });
      const none = known.length === 0 && conversations.length === 0;
      this._fail("");
      setText(this._status, none ? "Nothing is kept yet. A conversation is, from its first turn on." : "");
      return conversations;
    } catch (error) {
      if (signal.aborted) return null;
      setText(this._status, "");
      this._fail(/** @type {Error} */ (error).message);
      return null;
    }
  }

  /** @param {string} problem */
  _fail(problem) {
    setText(this._problem, problem);
    this._again.hidden = problem === "";
  }

  _draw() {
    this._begin.disabled = !this._open;
    this._older.hidden = !this._more;
    const ids = new Set(this._heads.map(({ id }) => id));
    for (const [id, node] of this._nodes) {
      if (ids.has(id)) continue;
      node.remove();
      this._nodes.delete(id);
    }
    for (const [place, head] of this._heads.entries()) {
      const node = this._nodes.get(head.id) ?? this._build(head);
      this._update(node, head);
      if (this._items.children[place] !== node) this._items.insertBefore(node, this._items.children[place] ?? null);
    }
  }

  /** @param {Head} head */
  _build(head) {
    const title = element("span", "opening");
    title.dir = "auto";
    const about = element("span", "about", element("span", "date"), element("bdi", "people"), element("span", "count"));
    const read = element("button", "read", title, about);
    read.type = "button";
    read.addEventListener("click", () => this._choices.read(head));
    const goOn = button("Go on", () => this._choices.goOn(head.id), "plain go-on");
    goOn.setAttribute("aria-label", `Go on with: ${titleText(head)}`);
    const node = element("li", "", read, goOn, element("span", "tag", "current"));
    this._nodes.set(head.id, node);
    return node;
  }

  /** @param {HTMLElement} node @param {Head} head */
  _update(node, head) {
    const current = head.id === this._current;
    const goOn = /** @type {HTMLButtonElement} */ (part(node, ".go-on"));
    setText(part(node, ".opening"), titleText(head));
    setText(part(node, ".date"), dateText(head.updated_at));
    setText(part(node, ".people"), whoText(head));
    setText(part(node, ".count"), turnsText(head));
    part(node, ".tag").hidden = !current;
    goOn.hidden = current;
    goOn.disabled = !this._open;
  }
}
