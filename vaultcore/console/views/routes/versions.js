// The version history of the routes, from the audit log, with undo and restore.

import { html, Button, confirm, Empty, Loaded, Section, Table, Tag, format, toast, useFetch, useState } from "../../ui/index.js";
import { reasons, undoable, parseReason } from "./history.js";
import { difference } from "./route.js";

const SHOWN = 20; // older ones are loaded for undo only

const isEqual = (a, b) => JSON.stringify(a ?? {}) === JSON.stringify(b ?? {});

/** Return { version, changes }: the last changes up to a version of the routes, newest first, without saves that changed nothing. */
async function loadChanges(api, version, signal) {
  const { data } = await api.get("admin/audit", { signal, query: { action: "routes.set", limit: 200 } });
  return { version, changes: data.filter((row) => !isEqual(row.before, row.after)) };
}

/** Versions: api, current (the data of /admin/routes), restore(models, reason), which raises on failure. */
export function Versions({ api, current, restore }) {
  const version = current?.version ?? null;
  const result = useFetch((signal) => loadChanges(api, version, signal), [version]);
  const all = result.data?.changes ?? [];
  const [isSaving, setSaving] = useState(false);
  const busy = isSaving || !current || result.data?.version !== version; // until the list has the last change
  const restoreRoutes = async (models, title, reason) => {
    const text = `Routes afterwards: ${Object.keys(models).join(", ") || "only those of the providers file"}. Changes: ${difference(current.models, models)}.`;
    if (!(await confirm({ title, text, action: "Restore" }))) return;
    setSaving(true);
    await restore(models, reason).catch((error) => toast(error.message, "bad"));
    setSaving(false);
  };
  const last = undoable(all);
  const undo = () => restoreRoutes(last.before ?? {}, `Undo: ${difference(last.before, last.after)}?`, reasons.undo(last.id));
  const columns = [
    { id: "at", label: "When", value: (row) => row.at, render: (row) => html`<span title=${format.relative(row.at)}>${format.time(row.at)}</span>` },
    { id: "what", label: "Change", main: true, value: (row) => difference(row.before, row.after), render: (row) => html`${difference(row.before, row.after)}<${RevertNote} row=${row} all=${all} />` },
    { id: "count", label: "Routes", end: true, value: (row) => Object.keys(row.after ?? {}).length },
    { id: "do", label: "Restore", render: (row) => (row === all[0] && isEqual(row.after, current?.models) ? html`<${Tag} kind="good">current<//>`
      : html`<${Button} small disabled=${busy || isEqual(row.after, current.models)} aria-label=${`Restore the routes of ${format.time(row.at)}`}
          onClick=${() => restoreRoutes(row.after ?? {}, `Restore the routes of ${format.time(row.at)}?`, reasons.restore(row.id))}>Restore<//>`) },
  ].map((column) => ({ ...column, sortable: false }));
  const none = html`<${Empty} icon="routes" title="No changes yet">Changes to routes appear here. You can restore any version.<//>`;
  return html`
    <${Section} title="Versions" actions=${all.length > 0 && html`
        <${Button} small disabled=${busy || !last} onClick=${undo}>Undo last change<//>`}>
      <${Loaded} result=${result} empty=${() => !all.length} none=${none}>
        ${() => html`<${Table} label="Versions" columns=${columns} rows=${all.slice(0, SHOWN)} keyOf=${(row) => row.id} />`}<//>
    <//>`;
}

/** Shows which change an undo reverted, or which version was restored. */
function RevertNote({ row, all }) {
  const reverted = parseReason(row);
  const target = reverted && all.find((each) => each.id === reverted.id);
  return target ? html` <span class="dim small">${reverted.how === "undo" ? "undo of" : "restored from"} ${format.time(target.at)}</span>` : null;
}
