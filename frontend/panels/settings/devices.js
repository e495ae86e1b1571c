// @ts-check
/// <reference path="../../types.d.ts" />
/** Which microphone and which loudspeaker: what there is to choose from changes as people plug things in. */

/**
 * @typedef {{id: string, label: string}} Device
 * @typedef {object} Devices what the page's sound tells of them
 * @property {() => Promise<{microphones: Device[], loudspeakers: Device[]}>} devices none until the microphone has been
 *   allowed: browsers do not name them before
 * @property {boolean} canChooseLoudspeaker
 * @property {(() => void) | null} onDevices set by whoever wants to know that there are others now
 */

/** @param {Device[]} devices @returns {[id: string, label: string][]} */
export function deviceChoices(devices) {
  return [
    ["", "The system's choice"],
    ...devices.map(({ id, label }) => /** @type {[string, string]} */ ([id, label])),
  ];
}

/** @param {import("./controls.js").Controls} controls @param {Partial<Devices>} sound */
export function deviceFields(controls, sound) {
  const allow = "Browsers name the others once the microphone has been turned on.";
  const microphone = controls.select("microphone", "Microphone", allow);
  const loudspeaker = controls.select("loudspeaker", "Loudspeaker", allow);
  loudspeaker.node.hidden = !sound.canChooseLoudspeaker;
  show(microphone, []);
  show(loudspeaker, []);
  return { nodes: sound.devices ? [microphone.node, loudspeaker.node] : [], offer };

  /** Ask what there is now. */
  async function offer() {
    if (!sound.devices) return;
    const { microphones, loudspeakers } = await sound.devices();
    show(microphone, microphones);
    show(loudspeaker, loudspeakers);
  }
}

/**
 * @param {{offer: (choices: [id: string, label: string][]) => void, hint: HTMLElement}} field
 * @param {Device[]} devices
 */
function show(field, devices) {
  field.offer(deviceChoices(devices));
  field.hint.hidden = devices.length > 0;
}
