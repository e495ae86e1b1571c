// @ts-check
/// <reference path="../../types.d.ts" />
/** The stored cast as the server told it last, and what is asked of the server. Knows nothing of what is drawn. */

import { arranged } from "./order.js";

const CHARACTERS = "/api/characters";

/** Every request rejects with an `ApiError`. */
export class StoredCast {
  /**
   * @param {Pick<import("../../api.js").Api, "json">} api
   * @param {(characters: StoredCharacter[], before: StoredCharacter[] | null) => void} onTold `null`: the first time
   */
  constructor(api, onTold) {
    this._api = api;
    this._onTold = onTold;
    /** @type {StoredCharacter[]} in scene order */
    this.characters = [];
    this._told = false;
    this._asked = 0;
    /** @type {string[] | null} the order that is to be sent next */
    this._order = null;
    this._arranging = false;
  }

  async load() {
    this._asked += 1;
    const asked = this._asked;
    const { characters } = await this._api.json(CHARACTERS);
    if (asked === this._asked) this._know(characters); // else a newer answer is on its way
  }

  /** @param {string} id @param {boolean} enabled */
  async enable(id, enabled) {
    await this._api.json(`${CHARACTERS}/${encodeURIComponent(id)}`, { method: "PUT", json: { enabled } });
    await this.load();
  }

  /**
   * What is asked for while an answer is awaited is sent after it, and only the newest.
   * @param {string[]} ids everybody, in the new order
   */
  async arrange(ids) {
    this._order = ids;
    if (this._arranging) return;
    this._arranging = true;
    try {
      while (this._order) {
        const order = this._order;
        this._order = null;
        const { characters } = await this._api.json(CHARACTERS, { method: "PUT", json: { order } });
        this._know(this._order ? arranged(characters, this._order) : characters);
      }
    } finally {
      this._arranging = false;
      this._order = null;
    }
  }

  /** @param {File} card @returns {Promise<StoredCharacter>} the character that was added */
  async import(card) {
    const form = new FormData();
    form.append("file", card);
    const character = await this._api.json(`${CHARACTERS}/import`, { form });
    await this.load();
    return character;
  }

  /** @param {StoredCharacter[]} characters */
  _know(characters) {
    const before = this._told ? this.characters : null;
    this.characters = characters;
    this._told = true;
    this._onTold(characters, before);
  }
}
