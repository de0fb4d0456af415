// The versions of the routes that there have been, from the audit trail, and the way back to each.

import { html, Button, confirm, Empty, Loaded, Section, Table, Tag, format, toast, useAsked, useState } from "../../ui/index.js";
import { difference } from "./shape.js";

const alike = (a, b) => JSON.stringify(a ?? {}) === JSON.stringify(b ?? {});

/** The last changes, newest first, without settings of what was there already. */
async function changes(api, signal) {
  const { data } = await api.get("admin/audit", { signal, query: { action: "routes.set", limit: 40 } });
  return data.filter((row) => !alike(row.before, row.after)).slice(0, 20);
}

/** Versions: api, current (what /admin/routes told), restore(models), which raises where it cannot. */
export function Versions({ api, current, restore }) {
  const version = current?.version ?? null;
  const asked = useAsked((signal) => changes(api, signal), [version]);
  const [busy, work] = useState(false);
  const back = async (models, title) => {
    const text = `In force afterwards: ${Object.keys(models).join(", ") || "no routes but the file's"}. Compared with now: ${difference(current.models, models)}.`;
    if (!(await confirm({ title, text, action: "Restore" }))) return;
    work(true);
    await restore(models).catch((error) => toast(error.message, "bad"));
    work(false);
  };
  const newest = asked.data?.[0];
  const columns = [
    { id: "at", label: "When", value: (row) => row.at, render: (row) => html`<span title=${format.relative(row.at)}>${format.time(row.at)}</span>` },
    { id: "what", label: "What changed", main: true, value: (row) => difference(row.before, row.after) },
    { id: "count", label: "Routes", end: true, value: (row) => Object.keys(row.after ?? {}).length },
    { id: "do", label: "Restore", render: (row) => (alike(row.after, current?.models) ? html`<${Tag} kind="good">in force<//>`
      : html`<${Button} small disabled=${busy || !current} aria-label=${`Restore the routes of ${format.time(row.at)}`}
          onClick=${() => back(row.after ?? {}, `Restore the routes of ${format.time(row.at)}?`)}>Restore<//>`) },
  ].map((column) => ({ ...column, sortable: false }));
  const none = html`<${Empty} icon="routes" title="Nothing has been changed here yet">Every change will be listed, with a way back.<//>`;
  return html`
    <${Section} title="Versions" actions=${newest && html`
        <${Button} small disabled=${busy || !current} onClick=${() => back(newest.before ?? {}, "Undo the last change?")}>Undo the last change<//>`}>
      <${Loaded} asked=${asked} empty=${(changed) => !changed.length} none=${none}>
        ${(changed) => html`<${Table} label="Versions" columns=${columns} rows=${changed} keyOf=${(row) => row.id} />`}<//>
    <//>`;
}
