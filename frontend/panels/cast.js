// @ts-check
/// <reference path="../types.d.ts" />
/**
 * The panel "Cast": who is in the scene, in which order; characters and voices are added, changed and deleted. One of
 * three views is shown: the list, the form of a character, or a new voice. What is typed in a view stays in it.
 */

import { button, element, part } from "../view/dom.js";
import { Audition } from "./cast/audition.js";
import { fileButton, problemLine, problemText, tell } from "./cast/controls.js";
import { takeDrops } from "./cast/files.js";
import { CharacterForm } from "./cast/form.js";
import { CastList } from "./cast/list.js";
import { NewVoice } from "./cast/new-voice.js";
import { sceneChanged } from "./cast/order.js";
import { sceneSection } from "./cast/scene.js";
import { StoredCast } from "./cast/stored-cast.js";

export default class {
  title = "Cast";
  dropText = "Drop character cards: PNG or JSON";

  /** @param {import("./host.js").PanelContext} context */
  constructor(context) {
    this._context = context;
    this._stored = new StoredCast(context.api, (characters, before) => void this._told(characters, before));
    /** @type {import("./cast/voices.js").Voice[]} */
    this._voices = [];
    /** @type {string[] | undefined} */
    this._types = undefined;
    this._loaded = false;
    this._connected = false;
    this._portraits = context.portraits;
    this._audition = new Audition(context.preferences);
    this._offline = element(
      "p",
      "hint offline",
      "The server is not connected. What you type stays here; save it later.",
    );
    this._offline.setAttribute("role", "status");
    this._list = new CastList(this._portraits.addresses, {
      onEdit: (id) => this._edit(this._stored.characters.find((character) => character.id === id) ?? null),
      onEnable: (id, enabled) => void this._enable(id, enabled),
      onArrange: (ids) => void this._arrange(ids),
    });
    this._form = new CharacterForm({
      api: context.api,
      audition: this._audition,
      person: () => context.preferences.value.user_name,
      onNewVoice: () => this._newVoice(),
      onVoiceDeleted: () => void this._loadVoices(),
      onSaved: (id) => void this._saved(id),
      onLeft: () => void this._saved(this._edited),
    });
    this._voice = new NewVoice(context, this._audition, {
      onMade: (voice, warnings) => void this._voiceMade(voice, warnings),
      onLeft: () => this._leaveVoice(),
    });
    this._problem = problemLine();
    this._status = element("p", "hint");
    this._status.setAttribute("role", "status");
    this._first = this._listView();
    /** @type {string | null} the character in the form */
    this._edited = null;
    this.node = element("div", "cast-views", this._offline, this._first, this._form.node, this._voice.node);
    this._show(this._first);
    window.addEventListener("beforeunload", (event) => {
      if (this._shown === this._first || !this._form.changed) return;
      event.preventDefault();
    });
  }

  _listView() {
    const add = button("Add a character", () => this._edit(null), "button main");
    const card = fileButton("Import a card", ".png,.json,image/png,application/json", (file) => this.drop([file]));
    const actions = element("div", "actions", add, card);
    const hint = element("p", "hint", "Character cards, PNG or JSON, can also be dropped anywhere here.");
    const scene = sceneSection(this._context.preferences);
    return element("div", "", actions, hint, this._problem, this._status, this._list.node, scene);
  }

  open() {
    const dialog = this.node.closest("dialog");
    if (dialog && !part(dialog, ".veil")) takeDrops(dialog, () => this._target());
    this._status.textContent = "";
    void this._load();
  }

  closed() {
    this._audition.stop();
    if (this._shown === this._voice.node) this._voice.closed();
  }

  /** @param {import("./host.js").State} state */
  draw({ connection }) {
    const connected = connection === "open";
    this._offline.hidden = connected;
    if (connected && !this._connected && this._loaded) void this._load(); // others may have changed it meanwhile
    this._connected = connected;
  }

  /** Cards to import. @param {File[]} files */
  drop(files) {
    void this._import(files);
  }

  /** Who takes the files that are dropped now. */
  _target() {
    if (this._shown === this._form.node) return this._form;
    return this._shown === this._voice.node ? this._voice : this;
  }

  /** @param {HTMLElement} view */
  _show(view) {
    for (const each of [this._first, this._form.node, this._voice.node]) each.hidden = each !== view;
    this._shown = view;
    this.node.scrollTop = 0;
  }

  async _load() {
    await this._try(async () => {
      await Promise.all([this._stored.load(), this._loadVoices()]);
      this._loaded = true;
    });
  }

  async _loadVoices() {
    const { voices, types } = await this._context.api.json("/v1/audio/voices");
    this._voices = voices;
    this._types = types;
    this._form.voice.draw(voices, types);
    this._draw();
  }

  /** The stored cast is now this. @param {StoredCharacter[]} cast @param {StoredCharacter[] | null} before */
  async _told(cast, before) {
    this._draw();
    if (before && sceneChanged(before, cast)) this._context.castChanged(cast);
    await this._portraits.update(cast);
    this._draw();
  }

  _draw() {
    this._list.draw({ cast: this._stored.characters, voices: this._voices, places: this._context.state().places });
  }

  /** @param {StoredCharacter | null} character */
  _edit(character) {
    this._edited = character?.id ?? null;
    this._form.open(character, this._portraits.addresses.get(character?.id ?? "") ?? "");
    this._form.voice.draw(this._voices, this._types);
    this._show(this._form.node);
    this._form.voice.reveal();
    part(this._form.node, "h3").focus();
  }

  /** Back to the list, as it now is. @param {string | null} id of whom it is about */
  async _saved(id) {
    this._audition.stop();
    this._show(this._first);
    await this._try(() => this._stored.load());
    if (id) {
      this._list.reveal(id);
      this._list.focus(id);
    } else part(this._first, ".button.main").focus();
  }

  _newVoice() {
    this._audition.stop();
    this._voice.open(this._types);
    this._show(this._voice.node);
    part(this._voice.node, "h3").focus();
  }

  _leaveVoice() {
    this._voice.closed();
    this._show(this._form.node);
    this._form.voice.node.scrollIntoView({ block: "nearest" });
    part(this._form.voice.node, ":scope > .button").focus();
  }

  /** @param {{id: string, name: string}} voice @param {string[]} warnings */
  async _voiceMade({ id, name }, warnings) {
    this._leaveVoice();
    this._form.voice.choose(id);
    await this._try(() => this._loadVoices());
    const noted = warnings.length > 0 ? ` Note: ${warnings.join("; ")}.` : "";
    this._form.voice.tellAdded(`${name} was added and chosen.${noted}`);
  }

  /** @param {string} id @param {boolean} enabled */
  async _enable(id, enabled) {
    this._list.showProblem(id, "");
    try {
      await this._stored.enable(id, enabled);
    } catch (error) {
      this._draw();
      this._list.showProblem(id, problemText(error));
    }
  }

  /** The list shows the new order already; should it not be taken, the old one again. @param {string[]} ids */
  async _arrange(ids) {
    await this._try(() =>
      this._stored.arrange(ids).catch((error) => {
        this._draw();
        throw error;
      }),
    );
  }

  /** @param {File[]} files */
  async _import(files) {
    tell(this._problem, "");
    /** @type {string[]} */
    const problems = [];
    for (const file of files) {
      try {
        const character = await this._stored.import(file);
        this._list.reveal(character.id);
        this._status.textContent = `${character.name} was added${character.enabled ? "" : "; the scene is full"}.`;
      } catch (error) {
        problems.push(`${file.name}: ${problemText(error)}`);
      }
    }
    this._tell(problems.join("\n"));
  }

  /** What goes wrong is told in the list. @param {() => Promise<void>} act */
  async _try(act) {
    tell(this._problem, "");
    try {
      await act();
    } catch (error) {
      this._tell(problemText(error));
    }
  }

  /** @param {string} problem */
  _tell(problem) {
    tell(this._problem, problem);
    this._problem.scrollIntoView({ block: "nearest" });
  }
}
