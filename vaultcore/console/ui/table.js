// Sortable tables with a sticky header; cards on a phone; long tables render only visible rows.

import { html, useEffect, useMemo, useState } from "./html.js";
import { useRowNavigation } from "./row-navigation.js";
import { Icon } from "./icons.js";
import { useRowWindow } from "./row-window.js";

const MANY = 200; // rows; longer tables render only the visible rows
const CARDS = 40; // rows; the same limit when rows are cards
const PHONE = matchMedia("(max-width: 640px)");

/**
 * Table: label, columns, rows, keyOf(row), sort ({ id, down }), onOpen(row), empty (node), onEnd() (scrolled near the last row).
 * A column is { id, label, value(row) for sorting, render(row), end (right-aligned, for numbers), sortable (default: has value),
 * main (a card's title on phones) }. In a long table each row is one line, and only one row is a tab stop.
 */
export function Table({ label, columns, rows, keyOf, sort: first = null, onOpen, empty, onEnd }) {
  const [sort, setSort] = useState(first);
  const many = rows.length > (usePhone() ? CARDS : MANY);
  const ordered = useMemo(() => sortRows(rows, columns, sort), [rows, sort]);
  const keys = useMemo(() => ordered.map(keyOf), [ordered]);
  const { frame, visible, tops, onScroll } = useRowWindow(keys, many);
  const { active, on } = useRowNavigation(keys, visible, frame);
  useEffect(() => {
    if (onEnd && ordered.length && visible.to >= ordered.length) onEnd();
  }, [visible.to, ordered.length]);
  if (!rows.length) return empty ?? null;
  const sortBy = (id) => setSort((previous) => (previous?.id === id ? { id, down: !previous.down } : { id, down: false }));
  const ranges = renderedRanges(visible, ordered.length, active.inside ? active.number : -1);
  const hasActive = ranges.some(([from, to]) => active.number >= from && active.number < to);
  const tabStop = !many ? null : hasActive ? active.number : visible.top;
  return html`
    <div ref=${frame} class=${many ? "table windowed" : "table"} onScroll=${onScroll} tabindex="0" role="region" aria-label=${label}>
      <table aria-rowcount=${ordered.length + 1}>
        <caption class="visually-hidden">${label}${onOpen ? ". Use the arrow keys to move between rows and Enter to open one." : ""}</caption>
        <thead><tr>${columns.map((column) => html`<${Head} key=${column.id} column=${column} sort=${sort} onSort=${sortBy} />`)}</tr></thead>
        <tbody ...${on}>
          ${ranges.map(([from, to], place) => [
            many && html`<${Spacer} key=${`before ${place}`} high=${tops[from] - tops[ranges[place - 1]?.[1] ?? 0]} />`,
            ordered.slice(from, to).map((row, index) => html`
              <${Row} key=${`row ${keys[from + index]}`} row=${row} columns=${columns} index=${from + index} onOpen=${onOpen}
                stop=${tabStop === null || tabStop === from + index} />`),
          ]).flat(2)}
          ${many && html`<${Spacer} key="below" high=${tops[ordered.length] - tops[ranges.at(-1)[1]]} />`}
        </tbody>
      </table>
    </div>`;
}

function usePhone() {
  const [phone, setPhone] = useState(PHONE.matches);
  useEffect(() => {
    const update = () => setPhone(PHONE.matches);
    PHONE.addEventListener("change", update);
    return () => PHONE.removeEventListener("change", update);
  }, []);
  return phone;
}

/** Return the ranges of rows to render, in order: the visible rows, and the focused row wherever it is. */
function renderedRanges({ from, to }, count, focused) {
  const visible = [Math.min(from, count), Math.min(to, count)];
  if (focused < 0 || (focused >= visible[0] && focused < visible[1])) return [visible];
  const single = [focused, focused + 1];
  return focused < visible[0] ? [single, visible] : [visible, single];
}

const Spacer = ({ high }) => html`<tr class="spacer" aria-hidden="true" style=${{ height: `${Math.max(0, high)}px` }}></tr>`;

function Head({ column, sort, onSort }) {
  const sortable = column.sortable ?? Boolean(column.value);
  const down = sort?.id === column.id ? sort.down : null;
  return html`
    <th scope="col" class=${column.end ? "end" : ""} aria-sort=${down === null ? undefined : down ? "descending" : "ascending"}>
      ${sortable
        ? html`<button type="button" class="sort" onClick=${() => onSort(column.id)}>${column.label}
            <span class=${down === null ? "arrow invisible" : "arrow"}><${Icon} name=${down ? "down" : "up"} /></span></button>`
        : column.label}
    </th>`;
}

function Row({ row, columns, index, onOpen, stop }) {
  const open = onOpen && ((event) => {
    if (!event.target.closest("button, a, input, select, label") && !String(getSelection())) onOpen(row);
  });
  const handleKey = onOpen && ((event) => event.target === event.currentTarget && event.key === "Enter" && onOpen(row));
  return html`
    <tr aria-rowindex=${index + 2} class=${onOpen ? "clickable" : ""} onClick=${open} onKeyDown=${handleKey} tabindex=${onOpen ? (stop ? 0 : -1) : undefined}>
      ${columns.map((column) => html`
        <td key=${column.id} class=${[column.end && "end", column.main && "main"].filter(Boolean).join(" ")} data-label=${column.label}>
          ${column.render ? column.render(row) : column.value(row)}</td>`)}
    </tr>`;
}

function sortRows(rows, columns, sort) {
  const value = columns.find((column) => column.id === sort?.id)?.value;
  if (!value) return rows;
  const sign = sort.down ? -1 : 1;
  return [...rows].sort((a, b) => sign * compare(value(a), value(b)));
}

function compare(a, b) {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
}
