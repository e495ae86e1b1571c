// @ts-check
/// <reference path="../types.d.ts" />
/** The portraits of stored characters, fetched with the page's key, each once as long as its character is the same. */

export class Portraits {
  /** @param {Pick<import("../api.js").Api, "blob">} api */
  constructor(api) {
    this._api = api;
    /** Character id -> address of its picture. @type {Map<string, string>} */
    this.addresses = new Map();
    /** @type {Map<string, number>} character id -> when it was changed that the picture is of */
    this._fetched = new Map();
    this._updated = Promise.resolve();
  }

  /**
   * Fetch those that are new or may be others, one call after another.
   * @param {StoredCharacter[]} cast
   * @returns {Promise<void>} settled when they are there; those that cannot be had are asked for the next time
   */
  update(cast) {
    this._updated = this._updated.then(async () => {
      const stale = cast.filter(({ id, updated_at }) => this._fetched.get(id) !== updated_at);
      await Promise.all(stale.map((character) => this._fetch(character)));
    });
    return this._updated;
  }

  /** @param {StoredCharacter} character */
  async _fetch({ id, updated_at, has_portrait }) {
    const path = `/api/characters/${encodeURIComponent(id)}/portrait`;
    const picture = has_portrait ? await this._api.blob(path).catch(() => null) : null;
    if (has_portrait && picture === null) return;
    URL.revokeObjectURL(this.addresses.get(id) ?? "");
    if (picture) this.addresses.set(id, URL.createObjectURL(picture));
    else this.addresses.delete(id);
    this._fetched.set(id, updated_at);
  }
}
