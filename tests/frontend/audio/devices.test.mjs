import assert from "node:assert/strict";
import { test } from "node:test";
import { listDevices } from "../../../frontend/audio/devices.js";
import { fakeBrowser } from "./fakes.mjs";

test("only devices with a name of their own are offered, by kind", async (t) => {
  fakeBrowser(t, {
    devices: [
      { kind: "audioinput", deviceId: "default", label: "Default – Built-in" },
      { kind: "audioinput", deviceId: "built-in", label: "Built-in" },
      { kind: "videoinput", deviceId: "camera", label: "Camera" },
      { kind: "audiooutput", deviceId: "headset", label: "Headset" },
      { kind: "audiooutput", deviceId: "", label: "" },
    ],
  });
  assert.deepEqual(await listDevices(), {
    microphones: [{ id: "built-in", label: "Built-in" }],
    loudspeakers: [{ id: "headset", label: "Headset" }],
  });
});

test("a browser that does not tell its devices has none to offer", async (t) => {
  const { navigator } = fakeBrowser(t);
  navigator.mediaDevices.enumerateDevices = () => Promise.reject(new Error("no"));
  assert.deepEqual(await listDevices(), { microphones: [], loudspeakers: [] });
  delete navigator.mediaDevices;
  assert.deepEqual(await listDevices(), { microphones: [], loudspeakers: [] });
});
