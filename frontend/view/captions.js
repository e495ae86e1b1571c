// @ts-check
/**
 * Draws the lines of the conversation. A line's element is built once and changed only when its line is another
 * object than before. All text goes in as text, never as markup.
 */

import { heardAndCut } from "../model/lines.js";
import { element, part, setHue, setText } from "./dom.js";
import { face } from "./faces.js";

/** @typedef {import("../model/state.js").State} State */
/** @typedef {import("../model/state.js").Line} Line */
/** @typedef {import("../model/state.js").ReplyLine} ReplyLine */

const NEAR_THE_END_PX = 96;
const LABELS = { failed: "failed", lost: "connection lost" };

export class Captions {
  /**
   * @param {HTMLElement} container
   * @param {HTMLElement} scroller
   * @param {HTMLButtonElement} newest leads to the newest line, while that is out of sight
   * @param {import("./faces.js").Portraits} portraits
   */
  constructor(container, scroller, newest, portraits) {
    this._container = container;
    this._scroller = scroller;
    this._newest = newest;
    this._portraits = portraits;
    /** @type {Map<string, {line: Line, node: HTMLElement}>} */
    this._drawn = new Map();
    this._understood = element("p", "bubble");
    this._understood.dir = "auto";
    this._hearing = element("article", "line person hearing", this._understood);
    this._hearing.setAttribute("aria-live", "off");
    this._follows = true;
    this._top = 0;
    scroller.addEventListener("scroll", () => {
      const { scrollTop, scrollHeight, clientHeight } = scroller;
      const near = scrollHeight - scrollTop - clientHeight < NEAR_THE_END_PX;
      this._follows = near || (this._follows && scrollTop >= this._top); // only people scroll up
      this._top = scrollTop;
      newest.hidden = this._follows;
    });
    newest.addEventListener("click", () => {
      this._follows = true;
      this._follow();
    });
    // Lines get their height only when they come into sight, so the end moves after they were drawn.
    const sizes = new ResizeObserver(() => this._follow());
    sizes.observe(scroller);
    sizes.observe(container);
  }

  /** @param {State} state */
  draw(state) {
    const newest = state.lines.at(-1);
    if (newest?.kind === "person" && !this._drawn.has(newest.key)) this._follows = true;
    for (const [place, line] of state.lines.entries()) this._drawLine(line, place, state);
    this._forget(state.lines);
    this._drawHearing(state);
  }

  /** The portraits have come, or are others. */
  showPortraits() {
    for (const { line, node } of this._drawn.values()) {
      if (line.kind === "reply") part(node, ".face").replaceWith(faceOf(line, this._portraits));
    }
  }

  /** Lines of a conversation that was left are taken away. @param {Line[]} lines all of them drawn */
  _forget(lines) {
    if (this._drawn.size === lines.length) return;
    const keys = new Set(lines.map(({ key }) => key));
    for (const [key, { node }] of this._drawn) {
      if (keys.has(key)) continue;
      node.remove();
      this._drawn.delete(key);
    }
  }

  /** Keep the newest line in sight, unless the person has scrolled up to read. */
  _follow() {
    if (this._follows && this._container.hasChildNodes()) this._scroller.scrollTop = this._scroller.scrollHeight;
  }

  /** @param {Line} line @param {number} place @param {State} state */
  _drawLine(line, place, state) {
    let drawn = this._drawn.get(line.key);
    if (!drawn) {
      drawn = { line, node: build(line, state, this._portraits) };
      this._drawn.set(line.key, drawn);
      this._container.insertBefore(drawn.node, this._container.children[place] ?? null);
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
    setText(this._understood, hearing.text || "…");
    this._hearing.classList.toggle("final", hearing.final);
    if (this._container.lastElementChild !== this._hearing) this._container.append(this._hearing);
  }
}

/** @param {Line} line @param {State} state @param {import("./faces.js").Portraits} portraits */
function build(line, state, portraits) {
  if (line.kind === "note") return element("p", "note", line.text);
  if (line.kind === "person") {
    const head = element("h3", "visually-hidden", "You");
    const bubble = element("p", "bubble", line.text);
    bubble.dir = "auto";
    return element("article", "line person", head, bubble);
  }
  const name = element("bdi", "", line.name);
  const head = element("h3", "name", name, element("span", "label"));
  const [heard, word, coming] = [element("span", "heard"), element("mark", "word"), element("span", "coming")];
  const cut = element("span", "cut", "interrupted here");
  const bubble = element("p", "bubble", heard, word, coming, cut, " ", element("del", "unheard"));
  bubble.dir = "auto";
  const node = element("article", "line reply", faceOf(line, portraits), element("div", "body", head, bubble));
  setHue(node, state.places[line.characterId] ?? 0);
  return node;
}

/** @param {ReplyLine} line @param {import("./faces.js").Portraits} portraits */
function faceOf({ characterId, name }, portraits) {
  return face({ id: characterId, name }, portraits);
}

/** @param {HTMLElement} node @param {ReplyLine} line */
function updateReply(node, line) {
  const open = line.outcome === "open";
  const { heard, word, coming, unheard } = parts(line);
  setText(part(node, ".heard"), heard);
  setText(part(node, ".word"), word);
  setText(part(node, ".coming"), coming);
  setText(part(node, ".unheard"), unheard);
  setText(part(node, ".label"), label(line));
  part(node, ".cut").hidden = unheard === "" || heard === "" || line.outcome !== "interrupted";
  part(node, ".bubble").hidden = !open && line.text === "";
  node.classList.toggle("writing", open && line.text === "");
  node.dataset.outcome = line.outcome;
  node.setAttribute("aria-busy", String(open));
}

/**
 * The text of a reply in four parts: before the word that sounds, that word, what is still to be heard, and what was
 * cut off.
 * @param {ReplyLine} line
 */
function parts({ text, heardText, speaking, outcome }) {
  if (outcome === "open") {
    const from = speaking ? speaking.start : heardText.length;
    const to = speaking ? speaking.end : from;
    return { heard: text.slice(0, from), word: text.slice(from, to), coming: text.slice(to), unheard: "" };
  }
  const [heard, unheard] = heardAndCut({ text, heardText, outcome });
  return { heard, word: "", coming: "", unheard };
}

/** How it ended, where its text does not show it. @param {ReplyLine} line */
function label({ outcome, heardText, text }) {
  if (outcome === "interrupted") return heardText === "" ? "not heard" : heardText === text ? "interrupted" : "";
  return LABELS[/** @type {keyof typeof LABELS} */ (outcome)] ?? "";
}

/** A reply that is heard is not read out on top of it. @param {HTMLElement} node @param {boolean} audible */
function markAudible(node, audible) {
  node.classList.toggle("audible", audible);
  if (audible) node.setAttribute("aria-live", "off");
}
