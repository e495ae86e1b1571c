// @ts-check
/// <reference path="../types.d.ts" />
/** The panel "Cast". */

import { element } from "../view/dom.js";

export default class {
  title = "Cast";
  node = element("div", "");

  /** @param {import("./host.js").PanelContext} context */
  constructor(context) {
    this._context = context;
  }
}
