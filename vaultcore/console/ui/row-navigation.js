// Keyboard navigation in a table: arrows, Page Up, Page Down, Home and End. The focused row stays rendered.

import { useLayoutEffect, useRef, useState } from "./html.js";

const rowOf = (element) => element.closest?.("tbody > tr:not(.spacer)");
const numberOf = (row) => Number(row.getAttribute("aria-rowindex")) - 2;

/**
 * Return { active: { number, inside }, on } for the rows identified by `keys`, of which the range `seen` is visible.
 * `number` is the row with the focus, or, unless `inside`, the last one that had it; -1 for none. `on` are the
 * event handlers of the table's body.
 */
export function useRowNavigation(keys, visible, frame) {
  const [focus, setFocus] = useState({ key: null, inside: false });
  const pending = useRef(null); // the number of a row to focus after the next render
  const element = useRef(null); // the focused element
  const rendering = useRef(true);
  rendering.current = true;
  const number = focus.key === null ? -1 : keys.indexOf(focus.key);
  useLayoutEffect(() => {
    rendering.current = false;
    const row = pending.current === null ? null : frame.current?.querySelector(`tbody > tr[aria-rowindex="${pending.current + 2}"]`);
    pending.current = null;
    row?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
    if (focus.inside && document.activeElement === document.body) element.current?.focus({ preventScroll: true });
  });
  const handleFocus = (event) => {
    const row = rowOf(event.target);
    element.current = event.target;
    if (row) setFocus({ key: keys[numberOf(row)], inside: true });
  };
  const handleBlur = (event) => {
    // an element that moves during a render loses the focus; the layout effect restores it
    if (!rendering.current && !event.currentTarget.contains(event.relatedTarget)) setFocus((last) => ({ ...last, inside: false }));
  };
  const handleKey = (event) => {
    if (event.target !== rowOf(event.target) || event.altKey || event.ctrlKey || event.metaKey) return;
    const at = numberOf(event.target), page = Math.max(1, Math.round((visible.to - visible.from) / 3));
    const step = {
      ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: keys.length - 1,
    }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    pending.current = Math.min(keys.length - 1, Math.max(0, step));
    setFocus({ key: keys[pending.current], inside: true });
  };
  return { active: { number, inside: focus.inside }, on: { onfocusin: handleFocus, onfocusout: handleBlur, onKeyDown: handleKey } };
}
