// Tables that sort, keep their head in sight, become cards on a phone, and draw only what is seen of many rows.

import { html, useEffect, useMemo, useState } from "./html.js";
import { useAlong } from "./along.js";
import { Icon } from "./icons.js";
import { useSight } from "./sight.js";

const MANY = 200; // rows; from here on only those in sight are drawn
const CARDS = 40; // the same where each row is a card
const PHONE = matchMedia("(max-width: 640px)");

/**
 * Table: label, columns, rows, keyOf(row), sort ({ id, down }), onOpen(row), empty (node), onEnd() (the last row is near).
 * A column is { id, label, value(row) for sorting, render(row), end (to the right, numbers), sortable (default: has value),
 * main (a card's title on phones) }. Where there are many rows, each is one line, and one of them is a stop of Tab.
 */
export function Table({ label, columns, rows, keyOf, sort: first = null, onOpen, empty, onEnd }) {
  const [sort, by] = useState(first);
  const many = rows.length > (usePhone() ? CARDS : MANY);
  const ordered = useMemo(() => sorted(rows, columns, sort), [rows, sort]);
  const keys = useMemo(() => ordered.map(keyOf), [ordered]);
  const { frame, seen, tops, onScroll } = useSight(keys, many);
  const { active, on } = useAlong(keys, seen, frame);
  useEffect(() => {
    if (onEnd && ordered.length && seen.to >= ordered.length) onEnd();
  }, [seen.to, ordered.length]);
  if (!rows.length) return empty ?? null;
  const turn = (id) => by((held) => (held?.id === id ? { id, down: !held.down } : { id, down: false }));
  const drawn = runs(seen, ordered.length, active.inside ? active.number : -1);
  const shown = drawn.some(([from, to]) => active.number >= from && active.number < to);
  const stop = !many ? null : shown ? active.number : seen.top;
  return html`
    <div ref=${frame} class=${many ? "table windowed" : "table"} onScroll=${onScroll} tabindex="0" role="region" aria-label=${label}>
      <table aria-rowcount=${ordered.length + 1}>
        <caption class="hidden">${label}${onOpen ? ". Arrow keys move along the rows, Enter opens one." : ""}</caption>
        <thead><tr>${columns.map((column) => html`<${Head} key=${column.id} column=${column} sort=${sort} onSort=${turn} />`)}</tr></thead>
        <tbody ...${on}>
          ${drawn.map(([from, to], place) => [
            many && html`<${Spacer} key=${`before ${place}`} high=${tops[from] - tops[drawn[place - 1]?.[1] ?? 0]} />`,
            ordered.slice(from, to).map((row, index) => html`
              <${Row} key=${`row ${keys[from + index]}`} row=${row} columns=${columns} index=${from + index} onOpen=${onOpen}
                stop=${stop === null || stop === from + index} />`),
          ]).flat(2)}
          ${many && html`<${Spacer} key="below" high=${tops[ordered.length] - tops[drawn.at(-1)[1]]} />`}
        </tbody>
      </table>
    </div>`;
}

function usePhone() {
  const [phone, become] = useState(PHONE.matches);
  useEffect(() => {
    const changed = () => become(PHONE.matches);
    PHONE.addEventListener("change", changed);
    return () => PHONE.removeEventListener("change", changed);
  }, []);
  return phone;
}

/** The stretches of rows to draw, in order: what is seen, and the row that has the focus wherever it is. */
function runs({ from, to }, count, focused) {
  const seen = [Math.min(from, count), Math.min(to, count)];
  if (focused < 0 || (focused >= seen[0] && focused < seen[1])) return [seen];
  const alone = [focused, focused + 1];
  return focused < seen[0] ? [alone, seen] : [seen, alone];
}

const Spacer = ({ high }) => html`<tr class="spacer" aria-hidden="true" style=${{ height: `${Math.max(0, high)}px` }}></tr>`;

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

function Row({ row, columns, index, onOpen, stop }) {
  const open = onOpen && ((event) => {
    if (!event.target.closest("button, a, input, select, label") && !String(getSelection())) onOpen(row);
  });
  const pressed = onOpen && ((event) => event.target === event.currentTarget && event.key === "Enter" && onOpen(row));
  return html`
    <tr aria-rowindex=${index + 2} class=${onOpen ? "opens" : ""} onClick=${open} onKeyDown=${pressed} tabindex=${onOpen ? (stop ? 0 : -1) : undefined}>
      ${columns.map((column) => html`
        <td key=${column.id} class=${[column.end && "end", column.main && "main"].filter(Boolean).join(" ")} data-label=${column.label}>
          ${column.render ? column.render(row) : column.value(row)}</td>`)}
    </tr>`;
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
