// @ts-check
/** A recording for a new voice: how it stands, as one value, and what is said of it. Pure. */

export const SHORTEST_S = 3;
export const LONGEST_S = 30;
const ENOUGH_S = 10;
const PLENTY_S = 20;

/**
 * @typedef {{stage: "empty"} | {stage: "asking"} | {stage: "recording", seconds: number, level: number}
 *   | {stage: "recorded", seconds: number, sound: Blob} | {stage: "failed", problem: string}} Recording
 * @typedef {{type: "asked"} | {type: "heard", seconds: number, level: number} | {type: "stopped", sound: Blob}
 *   | {type: "failed", problem: string} | {type: "discarded"}} RecordingEvent
 */

/** @type {Recording} */
export const NO_RECORDING = Object.freeze({ stage: "empty" });

/**
 * What comes too late, such as a level after the end, changes nothing.
 * @param {Recording} recording @param {RecordingEvent} event
 * @returns {Recording}
 */
export function recordingAfter(recording, event) {
  switch (event.type) {
    case "asked":
      return { stage: "asking" };
    case "heard": {
      const { stage } = recording;
      if (stage !== "asking" && stage !== "recording") return recording;
      return { stage: "recording", seconds: Math.min(event.seconds, LONGEST_S), level: event.level };
    }
    case "stopped":
      return ended(recording, event.sound);
    case "failed":
      return { stage: "failed", problem: event.problem };
    case "discarded":
      return NO_RECORDING;
  }
}

/** @param {Recording} recording @param {Blob} sound @returns {Recording} */
function ended(recording, sound) {
  if (recording.stage === "asking") return NO_RECORDING;
  if (recording.stage !== "recording") return recording;
  const { seconds } = recording;
  if (seconds >= SHORTEST_S) return { stage: "recorded", seconds, sound };
  return { stage: "failed", problem: `That was too short: at least ${SHORTEST_S} seconds are needed.` };
}

/** Whether it has become as long as it may. @param {Recording} recording */
export function isFull(recording) {
  return recording.stage === "recording" && recording.seconds >= LONGEST_S;
}

/** What to do now. @param {Recording} recording */
export function recordingText(recording) {
  switch (recording.stage) {
    case "empty":
      return `Speak as the voice shall speak, in a quiet room. ${ENOUGH_S} to ${PLENTY_S} seconds are best.`;
    case "asking":
      return "Waiting for the microphone…";
    case "recording":
      return `${Math.floor(recording.seconds)} s. ${adviceText(recording.seconds)}`;
    case "recorded":
      return `${Math.round(recording.seconds)} s recorded.${recording.seconds < ENOUGH_S ? " Longer would be better." : ""}`;
    case "failed":
      return recording.problem;
  }
}

/** @param {number} seconds */
function adviceText(seconds) {
  if (seconds < ENOUGH_S) return "Go on…";
  return seconds < PLENTY_S ? "This is enough; a little more does no harm." : `It stops by itself at ${LONGEST_S} s.`;
}

/** Why there is no microphone. @param {unknown} error as `getUserMedia` throws it */
export function microphoneProblem(error) {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") {
    return "The browser does not let this page use the microphone. Allow it beside the address, or upload a file.";
  }
  if (name === "NotSupportedError") {
    return "Browsers give the microphone only to pages served over https or from this machine. Upload a file instead.";
  }
  if (name === "NotFoundError") return "No microphone was found. Connect one, or upload a file.";
  return "The microphone could not be opened; another program may be using it.";
}
