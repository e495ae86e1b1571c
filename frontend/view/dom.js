// @ts-check
/** The few DOM operations the page needs. Strings become text, never markup. */

const GOLDEN_ANGLE = 137.5; // successive multiples stay far apart on the colour circle, however many there are
const FIRST_HUE = 35;

/**
 * A new element.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, className, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

/** A button that sends no form. @param {string} text @param {() => void} press @param {string} [className] */
export function button(text, press, className = "button") {
  const node = element("button", className, text);
  node.type = "button";
  node.addEventListener("click", press);
  return node;
}

/** Lets the browser save a file. @param {Blob} file @param {string} name */
export function download(file, name) {
  const link = element("a", "");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // a browser may ask first where it goes
}

/**
 * The element of the page with this id, which is of this class.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const node = document.getElementById(id);
  if (!(node instanceof type)) throw new TypeError(`the page has no ${type.name} #${id}`);
  return node;
}

/**
 * The colour of the character at `place` in the order of appearance.
 * @param {HTMLElement} node @param {number} place
 */
export function setHue(node, place) {
  node.style.setProperty("--hue", String((FIRST_HUE + place * GOLDEN_ANGLE) % 360));
}

/**
 * Leaves the node alone when nothing changes, so that screen readers are not told again.
 * @param {Element} node @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** The first element in `node` that `selector` finds, which there is. @param {Element} node @param {string} selector */
export function part(node, selector) {
  return /** @type {HTMLElement} */ (node.querySelector(selector));
}
