// @ts-check
/// <reference path="../types.d.ts" />
/**
 * The cast as portraits: who speaks glows as loudly as it is heard, who is about to is marked, and a tap addresses.
 * Knows nothing of sockets.
 */

import { byId, element, part, setHue } from "./dom.js";
import { face } from "./faces.js";

/** @typedef {import("../model/state.js").State} State */

export class Stage {
  /** @param {import("./faces.js").Portraits} portraits */
  constructor(portraits) {
    this._portraits = portraits;
    this.node = byId("stage", HTMLElement);
    /** @type {Map<string, HTMLButtonElement>} */
    this._places = new Map();
    /** @type {HTMLElement | null} */
    this._speaker = null;
  }

  /** @param {State} state @param {State | null} before */
  draw(state, before) {
    if (state.cast !== before?.cast) this._build(state);
    const speaking = state.lines.find((line) => line.key === state.audible);
    const speaker = speaking?.kind === "reply" ? speaking.characterId : "";
    const waiting = state.answering ? waitingFor(state) : [];
    for (const [id, place] of this._places) {
      place.classList.toggle("speaking", id === speaker);
      place.classList.toggle("waiting", id !== speaker && waiting.includes(id));
      place.setAttribute("aria-pressed", String(state.to.includes(id)));
    }
    const place = this._places.get(speaker) ?? null;
    if (place !== this._speaker) place?.scrollIntoView({ block: "nearest", inline: "nearest" });
    this._speaker = place;
  }

  /** How loud the character being heard is, 0 to 1. @param {number} level */
  showLevel(level) {
    this._speaker?.style.setProperty("--level", level.toFixed(3));
  }

  /** The portraits have come, or are others. */
  showPortraits() {
    for (const [id, place] of this._places) {
      part(place, ".face").replaceWith(face({ id, name: place.title }, this._portraits));
    }
  }

  /** @param {State} state */
  _build({ cast, places }) {
    this._places.clear();
    for (const character of cast) {
      const name = element("span", "who", character.name);
      const place = element("button", "place", face(character, this._portraits), name);
      place.type = "button";
      place.dataset.character = character.id;
      place.title = character.name;
      name.dir = "auto";
      setHue(place, places[character.id]);
      this._places.set(character.id, place);
    }
    this.node.replaceChildren(...this._places.values());
    this.node.hidden = cast.length === 0;
    this.node.dataset.size = cast.length > 6 ? "many" : cast.length > 3 ? "some" : "few";
  }
}

/** Who is to be heard in this turn and has not ended. @param {State} state */
function waitingFor({ expected, lines, turn, session }) {
  const prefix = `${session}:${turn}:`;
  const ended = lines.flatMap((line) =>
    line.kind === "reply" && line.key.startsWith(prefix) && line.outcome !== "open" ? [line.characterId] : [],
  );
  const begun = lines.flatMap((line) =>
    line.kind === "reply" && line.key.startsWith(prefix) && line.outcome === "open" ? [line.characterId] : [],
  );
  return [...expected.filter((id) => !ended.includes(id)), ...begun];
}
