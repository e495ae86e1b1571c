// @ts-check
/// <reference path="../../types.d.ts" />
/** Which microphone and which loudspeaker: what there is to choose from changes as people plug things in. */

/**
 * @typedef {{id: string, label: string}} Device
 * @typedef {object} Devices what the page's sound tells of them
 * @property {() => Promise<{microphones: Device[], loudspeakers: Device[]}>} devices
 * @property {boolean} canChooseLoudspeaker
 * @property {() => void} onDevices set by whoever wants to know that there are others now
 */

/**
 * What can be chosen. Before the person has allowed the microphone, browsers tell neither names nor ids.
 * @param {Device[]} devices @param {string} kind
 * @returns {[id: string, label: string][]}
 */
export function deviceChoices(devices, kind) {
  const known = devices.filter(({ id }) => id !== "" && id !== "default");
  return [["", "The system's choice"], ...known.map(namedDevice)];

  /** @param {Device} device @param {number} place @returns {[string, string]} */
  function namedDevice({ id, label }, place) {
    return [id, label || `${kind} ${place + 1}`];
  }
}

/** @param {import("./controls.js").Controls} controls @param {Partial<Devices>} sound */
export function deviceFields(controls, sound) {
  const allow = "Browsers name the others once the microphone has been turned on.";
  const microphone = controls.select("microphone", "Microphone", allow);
  const loudspeaker = controls.select("loudspeaker", "Loudspeaker", allow);
  loudspeaker.node.hidden = !sound.canChooseLoudspeaker;
  return { nodes: sound.devices ? [microphone.node, loudspeaker.node] : [], offer };

  /** Ask what there is now. */
  async function offer() {
    const { microphones, loudspeakers } = (await sound.devices?.().catch(() => null)) ?? NONE;
    for (const [field, devices, kind] of /** @type {const} */ ([
      [microphone, microphones, "Microphone"],
      [loudspeaker, loudspeakers, "Loudspeaker"],
    ])) {
      const choices = deviceChoices(devices, kind);
      field.offer(choices);
      /** @type {HTMLElement} */ (field.node.lastElementChild).hidden = choices.length > 1;
    }
  }
}

const NONE = { microphones: [], loudspeakers: [] };
