// @ts-check
/** Puts text on the clipboard; where the browser keeps that from pages, the text is shown, to be copied by hand. */

/**
 * Whether it is on the clipboard now.
 * @param {string} text
 * @param {HTMLTextAreaElement} fallback hidden; shown with the text selected when it could not be copied
 */
export async function copy(text, fallback) {
  try {
    await navigator.clipboard.writeText(text);
    fallback.hidden = true;
    return true;
  } catch {
    fallback.value = text;
    fallback.hidden = false;
    fallback.focus();
    fallback.select();
    return false;
  }
}
