import assert from "node:assert/strict";
import { test } from "node:test";
import { deviceChoices, deviceFields } from "../../../frontend/panels/settings/devices.js";
import { connectionHint, modelHint, modelPlaceholder } from "../../../frontend/panels/settings/wording.js";

const llm = (stand_in) => ({ llm: { name: "offline", stand_in, ready: true } });

test("the system's choice can always be chosen again", () => {
  const choices = deviceChoices([{ id: "1", label: "Headset" }]);
  assert.deepEqual(choices, [
    ["", "The system's choice"],
    ["1", "Headset"],
  ]);
  assert.equal(deviceChoices([]).length, 1);
});

test("devices are asked for again when others are there, and no loudspeaker is offered where none can be chosen", async () => {
  const offered = [];
  const controls = {
    select: (name) => ({ node: { name, hidden: false }, hint: {}, offer: (choices) => offered.push([name, choices]) }),
  };
  let microphones = [{ id: "1", label: "Headset" }];
  const sound = { canChooseLoudspeaker: false, devices: async () => ({ microphones, loudspeakers: [] }) };
  const fields = deviceFields(controls, sound);
  assert.deepEqual(
    fields.nodes.map(({ name, hidden }) => [name, hidden]),
    [
      ["microphone", false],
      ["loudspeaker", true],
    ],
  );
  await fields.offer();
  microphones = [...microphones, { id: "2", label: "Camera" }];
  await fields.offer();
  assert.deepEqual(
    offered.filter(([name]) => name === "microphone").map(([, choices]) => choices.length),
    [1, 2, 3],
  );
});

test("what is chosen without a connection is not lost, and the page says so", () => {
  assert.equal(connectionHint("open"), "");
  for (const status of ["connecting", "reconnecting", "refused"]) assert.match(connectionHint(status), /is kept/);
});

test("a stand-in is not passed off as a language model with settings", () => {
  assert.match(modelHint(llm(true)), /offline stands in/);
  assert.equal(modelHint(llm(false)), "");
  assert.equal(modelHint(null), "");
  assert.equal(modelPlaceholder(llm(true)), "The server's own");
  assert.equal(modelPlaceholder(llm(false)), "The server's own (offline)");
});
