// @ts-check
/**
 * Moves the rows of a list: by dragging a handle, and by keys on it. The row that moves stays in the document, the
 * others go around it, so that it keeps the pointer and the focus. Knows nothing of what the rows are.
 */

import { placeAfterKey } from "./order.js";

const EDGE_PX = 48; // near the edge of what scrolls, it scrolls
const SCROLL_PX = 8;
const SLOP_PX = 5; // what a finger moves in a tap

/** @param {HTMLElement} row @param {number} to its place among its siblings */
export function moveRow(row, to) {
  const rows = [...(row.parentElement?.children ?? [])];
  const from = rows.indexOf(row);
  if (to < from) row.after(...rows.slice(to, from));
  else row.before(...rows.slice(from + 1, to + 1));
}

/** @param {HTMLElement} row */
export function placeOf(row) {
  return [...(row.parentElement?.children ?? [])].indexOf(row);
}

/**
 * @param {HTMLButtonElement} handle of `row`
 * @param {HTMLElement} row
 * @param {{moved: () => void, tapped: () => void}} listeners a move has ended; the handle was pressed, not dragged
 */
export function makeMovable(handle, row, { moved, tapped }) {
  handle.addEventListener("keydown", (event) => {
    const to = placeAfterKey(event.key, placeOf(row), row.parentElement?.childElementCount ?? 0);
    if (to === null) return;
    event.preventDefault();
    moveRow(row, to);
    row.scrollIntoView({ block: "nearest" });
    moved();
  });
  handle.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    handle.setPointerCapture(event.pointerId);
    drag(handle, row, event.clientY, moved);
  });
  handle.addEventListener("click", () => {
    if (!row.classList.contains("dragged")) tapped();
    row.classList.remove("dragged");
  });
}

/** @param {HTMLElement} handle @param {HTMLElement} row @param {number} from height of the pointer @param {() => void} moved */
function drag(handle, row, from, moved) {
  const first = placeOf(row);
  const scroller = scrollerOf(row);
  row.classList.remove("dragged");
  let y = from;
  let frame = 0;
  const follow = () => {
    frame = 0;
    const { top, bottom } = scroller.getBoundingClientRect();
    const before = scroller.scrollTop;
    if (y < top + EDGE_PX) scroller.scrollTop -= SCROLL_PX;
    if (y > bottom - EDGE_PX) scroller.scrollTop += SCROLL_PX;
    moveRow(row, placeAt(row, y));
    if (scroller.scrollTop !== before) frame = requestAnimationFrame(follow);
  };
  const end = new AbortController();
  const { signal } = end;
  const finish = () => {
    end.abort();
    cancelAnimationFrame(frame);
    row.classList.remove("held");
    if (placeOf(row) !== first) moved();
  };
  handle.addEventListener(
    "pointermove",
    ({ clientY }) => {
      y = clientY;
      if (!row.classList.contains("held") && Math.abs(y - from) < SLOP_PX) return;
      row.classList.add("held", "dragged");
      frame ||= requestAnimationFrame(follow);
    },
    { signal },
  );
  handle.addEventListener("lostpointercapture", finish, { signal });
  handle.addEventListener(
    "pointercancel",
    () => {
      moveRow(row, first);
      finish();
    },
    { signal },
  );
}

/** Where a row held at height `y` belongs among the others. @param {HTMLElement} row @param {number} y */
function placeAt(row, y) {
  const others = [...(row.parentElement?.children ?? [])].filter((other) => other !== row);
  const below = others.findIndex((other) => {
    const { top, height } = other.getBoundingClientRect();
    return y < top + height / 2;
  });
  return below === -1 ? others.length : below;
}

/** @param {HTMLElement} node @returns {HTMLElement} the nearest around it that scrolls */
function scrollerOf(node) {
  const parent = node.parentElement ?? document.documentElement;
  const scrolls = getComputedStyle(parent).overflowY !== "visible";
  if (scrolls || parent === document.documentElement) return parent;
  return scrollerOf(parent);
}
