// @ts-check
/// <reference path="../../types.d.ts" />
/** Chooses, replaces and removes a portrait. It is sent when the character is saved. */

import { button, element } from "../../view/dom.js";
import { face } from "../../view/faces.js";
import { fileButton, problemLine, problemText, tell } from "./controls.js";
import { asPortrait } from "./picture.js";

export class PortraitField {
  constructor() {
    this._face = element("span", "");
    this.problem = problemLine();
    this._remove = button("Remove", () => this._change(null));
    const choose = fileButton("Choose a picture", "image/*", (file) => void this.take(file));
    const actions = element("div", "actions", choose, this._remove);
    const texts = element("div", "", actions, element("p", "hint", "Or drop one here."), this.problem);
    this.node = element("div", "portrait voice", this._face, texts);
    this._who = { id: "", name: "" };
    this._address = "";
    this._own = "";
    /** @type {Blob | null | undefined} what is to be sent; `null`: it is to be removed; `undefined`: nothing */
    this.change = undefined;
  }

  /** @param {{id: string, name: string}} who @param {string} address of the stored portrait; empty: there is none */
  show(who, address) {
    this._who = who;
    this._address = address;
    this._change(undefined);
    tell(this.problem, "");
  }

  /** The initials follow the name. @param {string} name */
  rename(name) {
    this._who = { ...this._who, name };
    this._draw();
  }

  /** @param {Blob} file */
  async take(file) {
    tell(this.problem, "");
    try {
      this._change(await asPortrait(file));
    } catch (error) {
      tell(this.problem, problemText(error));
    }
  }

  /** @param {Blob | null | undefined} change */
  _change(change) {
    if (this._own) URL.revokeObjectURL(this._own);
    this._own = change ? URL.createObjectURL(change) : "";
    this.change = change === null && !this._address ? undefined : change;
    this._draw();
  }

  _draw() {
    const address = this.change === undefined ? this._address : this.change && this._own;
    this._remove.hidden = !address;
    this._face.replaceChildren(face(this._who, new Map(address ? [[this._who.id, address]] : [])));
  }
}
