// @ts-check
/// <reference path="../types.d.ts" />
/** The panel "Settings". */

import { element } from "../view/dom.js";

export default class {
  title = "Settings";
  node = element("div", "");

  /** @param {import("./host.js").PanelContext} context */
  constructor(context) {
    this._context = context;
  }
}
