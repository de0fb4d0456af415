// Moving along a table's rows by keyboard: arrows, Page Up and Down, Home and End; the row that has the focus stays drawn.

import { useLayoutEffect, useRef, useState } from "./html.js";

const rowOf = (element) => element.closest?.("tbody > tr:not(.spacer)");
const numberOf = (row) => Number(row.getAttribute("aria-rowindex")) - 2;

/**
 * { active: { number, inside }, on } for the rows named by `keys` of which `seen` are in sight: the row that has the focus, or
 * (where not `inside`) has had it last, -1 for none; and what the table's body listens to.
 */
export function useAlong(keys, seen, frame) {
  const [held, hold] = useState({ key: null, inside: false });
  const wanted = useRef(null); // the number of a row that is to be drawn first
  const focused = useRef(null); // the element
  const drawing = useRef(true);
  drawing.current = true;
  const number = held.key === null ? -1 : keys.indexOf(held.key);
  useLayoutEffect(() => {
    drawing.current = false;
    const row = wanted.current === null ? null : frame.current?.querySelector(`tbody > tr[aria-rowindex="${wanted.current + 2}"]`);
    wanted.current = null;
    row?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
    if (held.inside && document.activeElement === document.body) focused.current?.focus({ preventScroll: true });
  });
  const come = (event) => {
    const row = rowOf(event.target);
    focused.current = event.target;
    if (row) hold({ key: keys[numberOf(row)], inside: true });
  };
  const leave = (event) => {
    // an element that is moved while rows are drawn loses the focus, which it is given back then
    if (!drawing.current && !event.currentTarget.contains(event.relatedTarget)) hold((last) => ({ ...last, inside: false }));
  };
  const press = (event) => {
    if (event.target !== rowOf(event.target) || event.altKey || event.ctrlKey || event.metaKey) return;
    const at = numberOf(event.target), page = Math.max(1, Math.round((seen.to - seen.from) / 3));
    const step = {
      ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: keys.length - 1,
    }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    wanted.current = Math.min(keys.length - 1, Math.max(0, step));
    hold({ key: keys[wanted.current], inside: true });
  };
  return { active: { number, inside: held.inside }, on: { onfocusin: come, onfocusout: leave, onKeyDown: press } };
}
