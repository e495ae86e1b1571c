// @ts-check
/// <reference path="../../types.d.ts" />
/** What the panel "Settings" says in words about the state. Pure. */

/** @typedef {import("../../model/state.js").State} State */

/** @param {State["connection"]} connection */
export function connectionHint(connection) {
  if (connection === "open") return "";
  return "There is no connection to the server. What you choose is kept, and applies once there is one.";
}

/** What is used when the field is empty. @param {State["engines"]} engines */
export function modelPlaceholder(engines) {
  return engines && !engines.llm.stand_in ? `The server's own (${engines.llm.name})` : "The server's own";
}

/** @param {State["engines"]} engines */
export function modelHint(engines) {
  if (!engines?.llm.stand_in) return "";
  return `The server has no language model: ${engines.llm.name} stands in for one, and takes no notice of these.`;
}
