// The versions of the routes that there have been, from the audit trail, and the way back to each.

import { html, Button, confirm, Empty, Loaded, Section, Table, Tag, format, toast, useAsked, useState } from "../../ui/index.js";
import { reasons, undoable, went } from "./history.js";
import { difference } from "./shape.js";

const SHOWN = 20; // the others are there for undo

const alike = (a, b) => JSON.stringify(a ?? {}) === JSON.stringify(b ?? {});

/** The last changes, newest first, without settings of what was there already. */
async function changes(api, signal) {
  const { data } = await api.get("admin/audit", { signal, query: { action: "routes.set", limit: 200 } });
  return data.filter((row) => !alike(row.before, row.after));
}

/** Versions: api, current (what /admin/routes told), restore(models, reason), which raises where it cannot. */
export function Versions({ api, current, restore }) {
  const version = current?.version ?? null;
  const asked = useAsked((signal) => changes(api, signal), [version]);
  const [busy, work] = useState(false);
  const back = async (models, title, reason) => {
    const text = `In force afterwards: ${Object.keys(models).join(", ") || "no routes but the file's"}. Compared with now: ${difference(current.models, models)}.`;
    if (!(await confirm({ title, text, action: "Restore" }))) return;
    work(true);
    await restore(models, reason).catch((error) => toast(error.message, "bad"));
    work(false);
  };
  const last = undoable(asked.data ?? []);
  const undo = () => back(last.before ?? {}, `Undo: ${difference(last.before, last.after)}?`, reasons.undo(last.id));
  const columns = [
    { id: "at", label: "When", value: (row) => row.at, render: (row) => html`<span title=${format.relative(row.at)}>${format.time(row.at)}</span>` },
    { id: "what", label: "What changed", main: true, value: (row) => difference(row.before, row.after), render: (row) => html`${difference(row.before, row.after)}<${How} row=${row} all=${asked.data} />` },
    { id: "count", label: "Routes", end: true, value: (row) => Object.keys(row.after ?? {}).length },
    { id: "do", label: "Restore", render: (row) => (row === asked.data[0] && alike(row.after, current?.models) ? html`<${Tag} kind="good">in force<//>`
      : html`<${Button} small disabled=${busy || !current || alike(row.after, current.models)} aria-label=${`Restore the routes of ${format.time(row.at)}`}
          onClick=${() => back(row.after ?? {}, `Restore the routes of ${format.time(row.at)}?`, reasons.restore(row.id))}>Restore<//>`) },
  ].map((column) => ({ ...column, sortable: false }));
  const none = html`<${Empty} icon="routes" title="Nothing has been changed here yet">Every change will be listed, with a way back.<//>`;
  return html`
    <${Section} title="Versions" actions=${asked.data?.length > 0 && html`
        <${Button} small disabled=${busy || !current || !last} onClick=${undo}>Undo the last change<//>`}>
      <${Loaded} asked=${asked} empty=${(changed) => !changed.length} none=${none}>
        ${(changed) => html`<${Table} label="Versions" columns=${columns} rows=${changed.slice(0, SHOWN)} keyOf=${(row) => row.id} />`}<//>
    <//>`;
}

/** Which change a change took back, or which version it went back to. */
function How({ row, all }) {
  const back = went(row);
  const meant = back && all.find((each) => each.id === back.id);
  return meant ? html` <span class="dim small">${back.how === "undo" ? "undoes the change of" : "goes back to"} ${format.time(meant.at)}</span>` : null;
}
