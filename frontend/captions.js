// @ts-check
/**
 * Draws the lines of the conversation. A line's element is built once and changed only when its line is another
 * object than before. All text goes in as text, never as markup.
 */

import { element, setHue } from "./dom.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./state.js").Line} Line */
/** @typedef {import("./state.js").ReplyLine} ReplyLine */

const NEAR_THE_END_PX = 96;
const LABELS = { interrupted: "interrupted", failed: "failed", lost: "connection lost" };

export class Captions {
  /** @param {HTMLElement} container @param {HTMLElement} scroller */
  constructor(container, scroller) {
    this._container = container;
    this._scroller = scroller;
    /** @type {Map<string, {line: Line, node: HTMLElement}>} */
    this._drawn = new Map();
    this._hearing = element("article", "line person hearing", element("p", "bubble"));
    this._hearing.setAttribute("aria-live", "off");
    this._follows = true;
    scroller.addEventListener("scroll", () => {
      this._follows = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_THE_END_PX;
    });
    new ResizeObserver(() => this._follow()).observe(scroller);
  }

  /** @param {State} state */
  draw(state) {
    const newest = state.lines.at(-1);
    if (newest?.kind === "person" && !this._drawn.has(newest.key)) this._follows = true;
    for (const line of state.lines) this._drawLine(line, state);
    this._drawHearing(state);
    this._follow();
  }

  /** Keep the newest line in sight, unless the person has scrolled up to read. */
  _follow() {
    if (this._follows && this._container.hasChildNodes()) this._scroller.scrollTop = this._scroller.scrollHeight;
  }

  /** @param {Line} line @param {State} state */
  _drawLine(line, state) {
    let drawn = this._drawn.get(line.key);
    if (!drawn) {
      drawn = { line, node: build(line, state) };
      this._drawn.set(line.key, drawn);
      this._container.append(drawn.node);
      if (line.kind === "reply") updateReply(drawn.node, line);
    } else if (drawn.line !== line) {
      drawn.line = line;
      if (line.kind === "reply") updateReply(drawn.node, line);
    }
    if (line.kind === "reply") markAudible(drawn.node, state.audible === line.key);
  }

  /** @param {State} state */
  _drawHearing({ hearing }) {
    if (!hearing) return this._hearing.remove();
    const bubble = /** @type {HTMLElement} */ (this._hearing.firstElementChild);
    bubble.textContent = hearing.text || "…";
    this._hearing.classList.toggle("final", hearing.final);
    if (this._container.lastElementChild !== this._hearing) this._container.append(this._hearing);
  }
}

/** @param {Line} line @param {State} state */
function build(line, state) {
  if (line.kind === "note") return element("p", "note", line.text);
  if (line.kind === "person") {
    const head = element("h3", "visually-hidden", "You");
    return element("article", "line person", head, element("p", "bubble", line.text));
  }
  const initial = element("span", "avatar", [...line.name.trim()][0]?.toUpperCase() ?? "?");
  initial.setAttribute("aria-hidden", "true");
  const head = element("h3", "name", element("span", "", line.name), element("span", "label"));
  const bubble = element("p", "bubble", element("span", "heard"), element("del", "unheard"));
  const node = element("article", "line reply", initial, element("div", "body", head, bubble));
  setHue(node, state.places[line.characterId] ?? 0);
  return node;
}

/** @param {HTMLElement} node @param {ReplyLine} line */
function updateReply(node, line) {
  const open = line.outcome === "open";
  const cut = line.outcome === "interrupted" && line.text.startsWith(line.heardText);
  const heard = cut ? withSpace(line.heardText, line.text) : line.text;
  part(node, ".heard").textContent = heard;
  part(node, ".unheard").textContent = line.text.slice(heard.length);
  part(node, ".label").textContent = LABELS[/** @type {keyof typeof LABELS} */ (line.outcome)] ?? "";
  part(node, ".bubble").hidden = !open && line.text === "";
  node.classList.toggle("writing", open && line.text === "");
  node.dataset.outcome = line.outcome;
  node.setAttribute("aria-busy", String(open));
}

/** `heard` and the white space after it, which needs no striking through. @param {string} heard @param {string} text */
function withSpace(heard, text) {
  const rest = text.slice(heard.length);
  return heard + rest.slice(0, rest.length - rest.trimStart().length);
}

/** A reply that is heard is not read out on top of it. @param {HTMLElement} node @param {boolean} audible */
function markAudible(node, audible) {
  node.classList.toggle("audible", audible);
  if (audible) node.setAttribute("aria-live", "off");
}

/** @param {HTMLElement} node @param {string} selector */
function part(node, selector) {
  return /** @type {HTMLElement} */ (node.querySelector(selector));
}
