// Tables that sort, keep their head in sight, become cards on a phone, and draw only what is seen of many rows.

import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./html.js";
import { Icon } from "./icons.js";

const MANY = 200; // rows; from here on only those in sight are drawn
const MARGIN = 12; // rows drawn above and below what is in sight

/**
 * Table: label, columns, rows, keyOf(row), sort ({ id, down }), onOpen(row), empty (node), onEnd() (the last row is near).
 * A column is { id, label, value(row) for sorting, render(row), end (to the right, numbers), sortable (default: has value),
 * main (a card's title on phones) }. Where there are many rows, each is one line.
 */
export function Table({ label, columns, rows, keyOf, sort: first = null, onOpen, empty, onEnd }) {
  const [sort, by] = useState(first);
  const many = rows.length > MANY;
  const ordered = useMemo(() => sorted(rows, columns, sort), [rows, sort]);
  const [frame, seen, height, onScroll] = useWindow(ordered.length, many);
  useEffect(() => {
    if (onEnd && ordered.length && seen.to >= ordered.length) onEnd();
  }, [seen.to, ordered.length]);
  if (!rows.length) return empty ?? null;
  const turn = (id) => by((held) => (held?.id === id ? { id, down: !held.down } : { id, down: false }));
  return html`
    <div ref=${frame} class=${many ? "table windowed" : "table"} onScroll=${onScroll} tabindex="0" role="region" aria-label=${label}>
      <table aria-rowcount=${ordered.length + 1}>
        <caption class="hidden">${label}</caption>
        <thead><tr>${columns.map((column) => html`<${Head} key=${column.id} column=${column} sort=${sort} onSort=${turn} />`)}</tr></thead>
        <tbody>
          ${many && html`<tr key="above" class="spacer" aria-hidden="true" style=${{ height: `${seen.from * height}px` }}></tr>`}
          ${ordered.slice(seen.from, seen.to).map((row, index) => html`
            <${Row} key=${keyOf(row)} row=${row} columns=${columns} index=${seen.from + index} onOpen=${onOpen} />`)}
          ${many && html`<tr key="below" class="spacer" aria-hidden="true"
            style=${{ height: `${Math.max(0, ordered.length - seen.to) * height}px` }}></tr>`}
        </tbody>
      </table>
    </div>`;
}

function Head({ column, sort, onSort }) {
  const sortable = column.sortable ?? Boolean(column.value);
  const down = sort?.id === column.id ? sort.down : null;
  return html`
    <th scope="col" class=${column.end ? "end" : ""} aria-sort=${down === null ? undefined : down ? "descending" : "ascending"}>
      ${sortable
        ? html`<button type="button" class="sort" onClick=${() => onSort(column.id)}>${column.label}
            <span class=${down === null ? "arrow unseen" : "arrow"}><${Icon} name=${down ? "down" : "up"} /></span></button>`
        : column.label}
    </th>`;
}

function Row({ row, columns, index, onOpen }) {
  const open = onOpen && ((event) => {
    if (!event.target.closest("button, a, input, select, label") && !String(getSelection())) onOpen(row);
  });
  const pressed = onOpen && ((event) => event.target === event.currentTarget && event.key === "Enter" && onOpen(row));
  return html`
    <tr aria-rowindex=${index + 2} class=${onOpen ? "opens" : ""} onClick=${open} onKeyDown=${pressed} tabindex=${onOpen ? 0 : undefined}>
      ${columns.map((column) => html`
        <td key=${column.id} class=${[column.end && "end", column.main && "main"].filter(Boolean).join(" ")} data-label=${column.label}>
          ${column.render ? column.render(row) : column.value(row)}</td>`)}
    </tr>`;
}

/** Which rows are in sight of a frame that scrolls, and how high one is: measured at the first that is drawn. */
function useWindow(count, many) {
  const frame = useRef(null);
  const [height, measured] = useState(44);
  const [seen, look] = useState({ from: 0, to: 60 });
  const settle = () => {
    const place = frame.current;
    if (!many || !place) return;
    const from = Math.max(0, Math.floor(place.scrollTop / height) - MARGIN);
    const to = Math.min(count, Math.ceil((place.scrollTop + place.clientHeight) / height) + MARGIN);
    look((held) => (held.from === from && held.to === to ? held : { from, to }));
  };
  useLayoutEffect(() => {
    const row = frame.current?.querySelector("tbody tr:not(.spacer)");
    if (many && row && Math.abs(row.offsetHeight - height) > 0.5) measured(row.offsetHeight);
    settle();
  }, [count, many, height]);
  return [frame, many ? seen : { from: 0, to: count }, height, settle];
}

function sorted(rows, columns, sort) {
  const value = columns.find((column) => column.id === sort?.id)?.value;
  if (!value) return rows;
  const sign = sort.down ? -1 : 1;
  return [...rows].sort((a, b) => sign * compared(value(a), value(b)));
}

function compared(a, b) {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
}
