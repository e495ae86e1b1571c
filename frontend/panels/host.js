// @ts-check
/// <reference path="../types.d.ts" />
/**
 * Opens the panels, one at a time, each in a dialog of its own. A panel's code and style are fetched when it is first
 * opened. Knows nothing of what is in them.
 */

import { element } from "../view/dom.js";

/** @typedef {import("../model/state.js").State} State */

/**
 * What a panel works with.
 * @typedef {object} PanelContext
 * @property {import("../api.js").Api} api
 * @property {import("../preferences.js").StoredPreferences} preferences
 * @property {import("../audio/sound.js").Sound} sound
 * @property {import("../view/portraits.js").Portraits} portraits
 * @property {() => State} state
 * @property {(message: ClientMessage) => boolean} send false when there is no connection
 * @property {(conversation: string) => void} goOn with a stored conversation; empty: begin a new one
 * @property {(cast: StoredCharacter[]) => void} castChanged the stored cast is now this
 * @property {() => void} close
 */

/**
 * A panel: `title` heads its dialog, `node` is what is in it. `open` is called each time it is opened, `draw` then
 * and whenever the state has changed while it is open, `closed` when it was closed.
 * @typedef {object} Panel
 * @property {string} title
 * @property {HTMLElement} node
 * @property {() => void} [open]
 * @property {(state: State) => void} [draw]
 * @property {() => void} [closed]
 */

/** @typedef {{panel: Panel, dialog: HTMLDialogElement}} Shown */

export class PanelHost {
  /** @param {Omit<PanelContext, "close">} context */
  constructor(context) {
    this._context = context;
    /** @type {Map<string, Promise<Shown>>} */
    this._panels = new Map();
    /** @type {Shown | null} */
    this._shown = null;
  }

  /** @param {string} name of a module in this folder, whose default export is the panel's class */
  async open(name) {
    let panel = this._panels.get(name);
    if (!panel) {
      panel = this._load(name);
      this._panels.set(name, panel);
      panel.catch(() => this._panels.delete(name));
    }
    const shown = await panel;
    if (this._shown === shown) return;
    this._shown?.dialog.close();
    this._shown = shown;
    shown.panel.open?.();
    shown.panel.draw?.(this._context.state());
    shown.dialog.showModal();
  }

  /** @param {State} state */
  draw(state) {
    this._shown?.panel.draw?.(state);
  }

  /** @param {string} name @returns {Promise<Shown>} */
  async _load(name) {
    const [{ default: PanelClass }] = await Promise.all([
      import(`./${name}.js`),
      loadStyle("/styles/panels.css"),
      loadStyle(`/styles/panel-${name}.css`),
    ]);
    const dialog = element("dialog", `panel ${name}`);
    const close = () => dialog.close();
    /** @type {Panel} */
    const panel = new PanelClass({ ...this._context, close });
    const title = element("h2", "", panel.title);
    title.id = `${name}-title`;
    dialog.setAttribute("aria-labelledby", title.id);
    const button = element("button", "round close", "×");
    button.type = "button";
    button.ariaLabel = "Close";
    button.addEventListener("click", close);
    dialog.append(element("header", "", title, button), panel.node);
    /** @type {EventTarget | null} */
    let pressed = null;
    dialog.addEventListener("pointerdown", ({ target }) => (pressed = target));
    dialog.addEventListener("click", ({ target }) => {
      if (target === dialog && pressed === dialog) close(); // beside the panel, and not where a selection ended
    });
    dialog.addEventListener("close", () => {
      if (this._shown?.dialog === dialog) this._shown = null;
      panel.closed?.();
    });
    document.body.append(dialog);
    return { panel, dialog };
  }
}

/** @type {Map<string, Promise<void>>} */
const styles = new Map();

/** @param {string} href @returns {Promise<void>} settled when the style is there; rejected when it cannot be had */
function loadStyle(href) {
  let loaded = styles.get(href);
  if (!loaded) {
    const link = element("link", "");
    link.rel = "stylesheet";
    link.href = href;
    loaded = new Promise((resolve, reject) => {
      link.onload = () => resolve();
      link.onerror = () => {
        link.remove();
        styles.delete(href);
        reject(new Error(`no ${href}`));
      };
    });
    styles.set(href, loaded);
    document.head.append(link);
  }
  return loaded;
}
