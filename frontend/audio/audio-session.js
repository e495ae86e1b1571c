// @ts-check
/// <reference path="../types.d.ts" />

/**
 * What the page uses sound for, for Safari: without it an iPhone's silent switch also silences the characters.
 * @param {"playback" | "play-and-record"} type
 */
export function useSoundFor(type) {
  if (navigator.audioSession) navigator.audioSession.type = type;
}
