// @ts-check
/// <reference path="../../types.d.ts" />
/** The portraits of the whole cast, each fetched once, and pictures made ready to be one. */

import { fetchPortraits } from "../../view/faces.js";

const LARGEST_PX = 1024;

export class Portraits {
  /** @param {import("../../api.js").Api} api */
  constructor(api) {
    this._api = api;
    /** @type {import("../../view/faces.js").Portraits} */
    this.addresses = new Map();
    /** @type {Map<string, number>} character id -> when it was changed that the picture is of */
    this._fetched = new Map();
  }

  /** Fetch those that are new or may be others. @param {StoredCharacter[]} cast */
  async update(cast) {
    const stale = cast.filter(({ id, updated_at }) => this._fetched.get(id) !== updated_at);
    const pictures = await fetchPortraits(this._api, stale);
    for (const { id, updated_at, has_portrait } of stale) {
      const before = this.addresses.get(id);
      if (before) URL.revokeObjectURL(before);
      const address = pictures.get(id);
      if (address) this.addresses.set(id, address);
      else this.addresses.delete(id);
      if (address || !has_portrait) this._fetched.set(id, updated_at);
    }
  }
}

/**
 * The picture as a PNG of at most 1024 by 1024 pixels. Throws an `Error` for what is no picture.
 * @param {Blob} file
 * @returns {Promise<Blob>}
 */
export async function asPortrait(file) {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error("This browser cannot read the file as a picture.");
  });
  const scale = Math.min(1, LARGEST_PX / Math.max(bitmap.width, bitmap.height));
  if (file.type === "image/png" && scale === 1) return file;
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const png = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  if (png === null) throw new Error("The picture could not be made a PNG.");
  return png;
}
