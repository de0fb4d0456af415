// Selects the rows of a long table to render: those visible in its frame plus a margin, by measured row heights.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "./html.js";

const MARGIN = 400; // pixels above and below the visible area
const FIRST = 40; // rows to render before any is measured
const DEFAULT_HEIGHT = 44; // pixels, before any row is measured

/**
 * Return { frame, visible, tops, onScroll }: a ref for the scroll container, the rows to render ({ from, to }, and `top`,
 * the first one in the viewport), and the offset of each row of `keys` plus the total height. aria-rowindex is the row's
 * number plus 2. Without `many`, all rows are rendered.
 */
export function useRowWindow(keys, many) {
  const frame = useRef(null);
  const measured = useRef({ heights: new Map(), average: null, width: 0 }).current;
  const [visible, setVisible] = useState({ from: 0, to: FIRST, top: 0 });
  const [generation, setGeneration] = useState(0);
  const tops = useMemo(() => (many ? rowTops(keys, measured) : []), [keys, many, generation]);
  const updateVisible = () => {
    const container = frame.current;
    if (!many || !container) return;
    const top = rowAt(tops, container.scrollTop);
    const from = rowAt(tops, container.scrollTop - MARGIN);
    const to = Math.min(keys.length, rowAt(tops, container.scrollTop + container.clientHeight + MARGIN) + 1);
    setVisible((previous) => (previous.from === from && previous.to === to && previous.top === top ? previous : { from, to, top }));
  };
  useLayoutEffect(() => {
    if (!many || !frame.current) return;
    if (measure(frame.current, keys, measured, rowAt(tops, frame.current.scrollTop))) setGeneration((previous) => previous + 1);
    updateVisible();
  });
  useEffect(() => {
    const resized = () => setGeneration((previous) => previous + 1);
    addEventListener("resize", resized);
    return () => removeEventListener("resize", resized);
  }, []);
  return { frame, visible: many ? visible : { from: 0, to: keys.length, top: 0 }, tops, onScroll: updateVisible };
}

function rowTops(keys, { heights, average }) {
  const tops = new Float64Array(keys.length + 1);
  keys.forEach((key, index) => (tops[index + 1] = tops[index] + (heights.get(key) ?? average ?? DEFAULT_HEIGHT)));
  return tops;
}

/** Return the row at an offset by binary search; the first or last one if the offset is out of range. */
function rowAt(tops, offset) {
  let low = 0, high = Math.max(0, tops.length - 2);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle] <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Measure the rendered rows. Return true if a height changed. The scroll position of visible rows is preserved. */
function measure(container, keys, measured, top) {
  if (measured.width !== container.clientWidth) {
    measured.heights.clear();
    measured.average = null;
    measured.width = container.clientWidth;
  }
  const rows = [...container.querySelectorAll("tbody > tr:not(.spacer)")]
    .map((row) => [Number(row.getAttribute("aria-rowindex")) - 2, row.getBoundingClientRect().height]);
  if (!rows.length) return false;
  const isFirst = measured.average === null;
  if (isFirst) measured.average = rows.reduce((sum, [, height]) => sum + height, 0) / rows.length;
  let changed = isFirst, above = 0;
  for (const [index, height] of rows) {
    const expected = measured.heights.get(keys[index]) ?? measured.average;
    measured.heights.set(keys[index], height);
    if (Math.abs(height - expected) <= 0.5) continue;
    changed = true;
    if (index < top) above += height - expected;
  }
  if (above && !isFirst) container.scrollTop += above;
  return changed;
}
