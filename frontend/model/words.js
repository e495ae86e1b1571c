// @ts-check
/// <reference path="../types.d.ts" />
/** From samples heard to words heard, by what `reply.words` says of each sentence. Pure. */

/**
 * A word of a reply's text: `text.slice(start, end)`, which counts as heard from `sample` of the reply on.
 * @typedef {{start: number, end: number, sample: number}} Word
 */

/**
 * The words of one more sentence, or of one told again, among those known of the reply.
 * @param {Word[]} known in the order of the text
 * @param {string} text of the reply, at least to the end of the sentence
 * @param {HeardWord[]} told of a sentence; places are counted in code points there, in UTF-16 units here
 * @returns {Word[]}
 */
export function withSentence(known, text, told) {
  if (told.length === 0) return known;
  const places = codePointPlaces(text);
  const words = told.map(([start, end, sample]) => ({ start: places(start), end: places(end), sample }));
  const first = words[0].start;
  const last = words[words.length - 1].end;
  return [...known.filter(({ end }) => end <= first), ...words, ...known.filter(({ start }) => start >= last)];
}

/** How many characters of the text have been heard after `samples`. @param {Word[]} words @param {number} samples */
export function heardTo(words, samples) {
  return words.findLast(({ sample }) => sample <= samples)?.end ?? 0;
}

/**
 * The word being spoken at `samples`: the one whose middle is nearest; `null` where none is known.
 * @param {Word[]} words @param {number} samples
 */
export function spokenAt(words, samples) {
  if (words.length === 0) return null;
  const next = words.findIndex(({ sample }) => sample > samples);
  if (next <= 0) return words.at(next) ?? null;
  const [before, after] = [words[next - 1], words[next]];
  return samples - before.sample < after.sample - samples ? before : after;
}

/** Place in code points -> place in UTF-16 units. @param {string} text @returns {(place: number) => number} */
function codePointPlaces(text) {
  if (!/[\ud800-\udfff]/.test(text)) return (place) => Math.min(place, text.length);
  const points = [...text];
  return (place) => points.slice(0, place).join("").length;
}
