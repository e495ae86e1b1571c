import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULTS, StoredPreferences, configuration, reconfiguration } from "../../frontend/preferences.js";

function storage(kept) {
  const items = new Map(kept === undefined ? [] : [["voicechat", kept]]);
  return { getItem: (key) => items.get(key) ?? null, setItem: (key, value) => items.set(key, value) };
}

test("what was chosen is there again, also for a page of another day", () => {
  const kept = storage();
  new StoredPreferences(kept).change({ eagerness: "high", temperature: 0.5, user_name: "Ada" });
  const again = new StoredPreferences(kept).value;
  assert.deepEqual([again.eagerness, again.temperature, again.user_name], ["high", 0.5, "Ada"]);
  assert.equal(again.theme, DEFAULTS.theme);
});

test("what the storage holds is taken only where it can be: the rest is the default", () => {
  for (const kept of ["", "null", "[1]", "5", '"x"', "{not json", '{"__proto__": {"theme": "dark"}, "toString": 1}']) {
    assert.deepEqual({ ...new StoredPreferences(storage(kept)).value }, { ...DEFAULTS }, kept);
  }
  const wrong = {
    ...{ user_name: 5, model: null, temperature: 3, eagerness: "very", mode: "", captions: "yes", keep_audio: 1 },
    ...{ scene: {}, lines_among_themselves: 21, output_rate: "24000", theme: "blue", volume: -1, microphone: null },
  };
  assert.deepEqual({ ...new StoredPreferences(storage(JSON.stringify(wrong))).value }, { ...DEFAULTS });
});

test("a wrong change changes nothing, and the temperature can be the server's again", () => {
  const preferences = new StoredPreferences(storage());
  preferences.change({ temperature: 0.5, volume: 0.25 });
  preferences.change({ temperature: Number.NaN, volume: 2, output_rate: 44100 });
  assert.deepEqual([preferences.value.temperature, preferences.value.volume], [0.5, 0.25]);
  preferences.change({ temperature: null });
  assert.equal(preferences.value.temperature, null);
});

test("every listener is told what is chosen now, and what was before", () => {
  const preferences = new StoredPreferences(null);
  const told = [];
  preferences.onChange((value, before) => told.push([before.theme, value.theme]));
  preferences.onChange((value) => told.push(value.theme));
  preferences.change({ theme: "dark" });
  assert.deepEqual(told, [["system", "dark"], "dark"]);
});

test("what another page of this browser has chosen is taken, and not written over", () => {
  const kept = storage();
  const [one, other] = [new StoredPreferences(kept), new StoredPreferences(kept)];
  one.change({ theme: "dark" });
  other.reread();
  other.change({ captions: false });
  const { theme, captions } = new StoredPreferences(kept).value;
  assert.deepEqual([other.value.theme, theme, captions], ["dark", "dark", false]);
});

test("a name that is taken back is told, for the session would go on with it", () => {
  const ada = { ...DEFAULTS, user_name: "Ada" };
  assert.equal(reconfiguration(DEFAULTS, ada).user_name, "User");
  assert.equal(reconfiguration(ada, DEFAULTS).user_name, "Ada");
  assert.equal(reconfiguration({ ...ada, theme: "dark" }, ada), null);
});

test("where nothing can be kept, choices last as long as the page", () => {
  const throwing = {
    getItem() {
      throw new Error("forbidden");
    },
    setItem() {
      throw new Error("full");
    },
  };
  for (const kept of [throwing, null]) {
    const preferences = new StoredPreferences(kept);
    preferences.change({ theme: "light" });
    assert.equal(preferences.value.theme, "light");
  }
});

test("the session is told what concerns it, and nothing of what stays in the browser", () => {
  const told = configuration({ ...DEFAULTS, model: "m", temperature: 0, eagerness: "low", mode: "push_to_talk" });
  assert.deepEqual(told.llm, { model: "m", temperature: 0 });
  assert.deepEqual(told.turn, { eagerness: "low", mode: "push_to_talk" });
  for (const name of ["theme", "volume", "microphone", "loudspeaker", "model"]) assert.ok(!(name in told), name);
});

test("what is left to the server is not sent", () => {
  const told = configuration(DEFAULTS);
  assert.deepEqual(told.llm, {});
  assert.ok(!("user_name" in told));
});
