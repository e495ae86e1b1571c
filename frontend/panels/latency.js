// @ts-check
/// <reference path="../types.d.ts" />
/** The panel "Latency". */

import { element } from "../view/dom.js";

export default class {
  title = "Latency";
  node = element("div", "");

  /** @param {import("./host.js").PanelContext} context */
  constructor(context) {
    this._context = context;
  }
}
