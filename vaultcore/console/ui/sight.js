// Which rows of a long table are drawn: those in sight of its frame and some around them, by the heights that rows have.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "./html.js";

const MARGIN = 400; // pixels above and below what is in sight
const FIRST = 40; // rows that are drawn before one was measured
const GUESS = 44; // pixels, until then

/**
 * { frame, seen, tops, onScroll }: a ref for what scrolls, the rows to draw ({ from, to }, and `top`, the first in sight), and
 * where each of `keys` begins, the end last. Rows say their number in aria-rowindex, from 2 on. Without `many`, all are drawn.
 */
export function useSight(keys, many) {
  const frame = useRef(null);
  const known = useRef({ heights: new Map(), usual: null, width: 0 }).current;
  const [seen, look] = useState({ from: 0, to: FIRST, top: 0 });
  const [turn, again] = useState(0);
  const tops = useMemo(() => (many ? stacked(keys, known) : []), [keys, many, turn]);
  const settle = () => {
    const place = frame.current;
    if (!many || !place) return;
    const top = rowAt(tops, place.scrollTop);
    const from = rowAt(tops, place.scrollTop - MARGIN);
    const to = Math.min(keys.length, rowAt(tops, place.scrollTop + place.clientHeight + MARGIN) + 1);
    look((held) => (held.from === from && held.to === to && held.top === top ? held : { from, to, top }));
  };
  useLayoutEffect(() => {
    if (!many || !frame.current) return;
    if (measure(frame.current, keys, known, rowAt(tops, frame.current.scrollTop))) again((held) => held + 1);
    settle();
  });
  useEffect(() => {
    const resized = () => again((held) => held + 1);
    addEventListener("resize", resized);
    return () => removeEventListener("resize", resized);
  }, []);
  return { frame, seen: many ? seen : { from: 0, to: keys.length, top: 0 }, tops, onScroll: settle };
}

function stacked(keys, { heights, usual }) {
  const tops = new Float64Array(keys.length + 1);
  keys.forEach((key, index) => (tops[index + 1] = tops[index] + (heights.get(key) ?? usual ?? GUESS)));
  return tops;
}

/** The row at a place, found by halves; the first or last beyond them. */
function rowAt(tops, place) {
  let low = 0, high = Math.max(0, tops.length - 2);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle] <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Measure the rows that are drawn; true if any is not as high as was thought. What is in sight stays where it is. */
function measure(place, keys, known, top) {
  if (known.width !== place.clientWidth) {
    known.heights.clear();
    known.usual = null;
    known.width = place.clientWidth;
  }
  const drawn = [...place.querySelectorAll("tbody > tr:not(.spacer)")]
    .map((row) => [Number(row.getAttribute("aria-rowindex")) - 2, row.getBoundingClientRect().height]);
  if (!drawn.length) return false;
  const first = known.usual === null;
  if (first) known.usual = drawn.reduce((sum, [, height]) => sum + height, 0) / drawn.length;
  let changed = first, above = 0;
  for (const [index, height] of drawn) {
    const thought = known.heights.get(keys[index]) ?? known.usual;
    known.heights.set(keys[index], height);
    if (Math.abs(height - thought) <= 0.5) continue;
    changed = true;
    if (index < top) above += height - thought;
  }
  if (above && !first) place.scrollTop += above;
  return changed;
}
