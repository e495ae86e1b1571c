// @ts-check
/** The microphones and loudspeakers there are. */

/** @typedef {{id: string, label: string}} Device */

const SYSTEMS_CHOICE = ["", "default", "communications"]; // no devices of their own

/**
 * Browsers name them only to pages that may use the microphone; to others there are none.
 * @returns {Promise<{microphones: Device[], loudspeakers: Device[]}>}
 */
export async function listDevices() {
  const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  /** @param {MediaDeviceKind} wanted */
  const named = (wanted) =>
    all
      .filter(({ kind, deviceId, label }) => kind === wanted && label && !SYSTEMS_CHOICE.includes(deviceId))
      .map(({ deviceId, label }) => ({ id: deviceId, label }));
  return { microphones: named("audioinput"), loudspeakers: named("audiooutput") };
}
