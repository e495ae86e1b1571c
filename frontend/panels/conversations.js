// @ts-check
/// <reference path="../types.d.ts" />
/** The panel "Conversations": those that are kept, and one of them to read. */

import { element } from "../view/dom.js";
import { ConversationList } from "./conversations/list.js";
import { Reading } from "./conversations/reading.js";

/** @typedef {import("../model/state.js").State} State */

export default class {
  title = "Conversations";
  node = element("div", "");

  /** @param {import("./host.js").PanelContext} context */
  constructor(context) {
    this._context = context;
    const goOn = (/** @type {string} */ id) => this._goOn(id);
    const begin = () => this._goOn("");
    this._list = new ConversationList(context.api, { goOn, begin, read: (head) => this._read(head) });
    this._choices = {
      goOn,
      begin,
      back: () => this._back(),
      deleted: (/** @type {string} */ id) => {
        this._list.remove(id);
        this._back();
      },
    };
    this.node.append(this._list.node);
    /** @type {Reading | null} */
    this._reading = null;
    this._scrolled = 0;
    /** @type {State | null} */
    this._drawn = null;
  }

  open() {
    void this._list.load();
  }

  /** @param {State} state */
  draw(state) {
    const before = this._drawn;
    this._drawn = state;
    this._list.show(state.conversation, state.connection === "open");
    this._reading?.show(state);
    if (before === null) return;
    const back = state.connection === "open" && before.connection !== "open";
    const told = state.turns !== before.turns;
    if (back || told) void this._list.refresh();
    if (back || (told && this._reading?.id === state.conversation)) void this._reading?.load(state.places);
  }

  closed() {
    this._list.cancel();
    this._leave();
    this._drawn = null;
  }

  /** @param {string} id */
  _goOn(id) {
    this._context.close();
    this._context.goOn(id);
  }

  /** @param {import("./conversations/pages.js").Head} head */
  _read(head) {
    const state = this._context.state();
    this._scrolled = this.node.scrollTop;
    const reading = new Reading(this._context.api, head, this._choices);
    this._reading = reading;
    this._list.node.hidden = true;
    this.node.append(reading.node);
    this.node.scrollTop = 0;
    reading.show(state);
    reading.back.focus();
    void reading.load(state.places);
  }

  _back() {
    const read = this._reading?.id ?? "";
    this._leave();
    this.node.scrollTop = this._scrolled;
    this._list.focus(read);
  }

  _leave() {
    this._reading?.leave();
    this._reading?.node.remove();
    this._reading = null;
    this._list.node.hidden = false;
  }
}
