// Health of the providers in the vault, as seen by this server.

import { html, Empty, Icon, Loaded, Section, Table, Tag, format, useFetch } from "../../ui/index.js";

const STATES = { closed: ["good", "up"], "half-open": ["warn", "retrying"], open: ["bad", "paused after failures"] };

/** Providers: api. */
export function Providers({ api }) {
  const result = useFetch((signal) => loadProviders(api, signal), [], { every: 15 });
  const none = html`<${Empty} icon="vault" title="No provider keys in the vault"><a href="#/vault">Create a vault</a><//>`;
  return html`
    <${Section} title="Providers">
      <${Loaded} result=${result} lines=${5} empty=${(rows) => !rows.length} none=${none}>
        ${(rows) => html`<div class="overview-providers"><${Table} label="Providers" columns=${COLUMNS} rows=${rows} keyOf=${(row) => row.name}
          sort=${{ id: "name", down: false }} /></div>`}<//>
      <p class="dim small"><${Icon} name="refresh" /> Health as seen by this server. Refreshes every 15 s.</p>
    <//>`;
}

async function loadProviders(api, signal) {
  const [known, health] = await Promise.all([api.get("admin/providers", { signal }), api.get("admin/health", { signal })]);
  return known.data.filter((each) => each.keys.length).map((each) => {
    const openCircuits = each.keys.map((key) => health.keys[key.id]).filter((circuit) => circuit && circuit.state !== "closed");
    const host = health.providers[each.name];
    return { ...each, state: host?.state ?? "closed", reason: host?.reason ?? null, pausedKeys: openCircuits.length };
  });
}

const COLUMNS = [
  { id: "name", label: "Provider", main: true, value: (row) => row.title ?? row.name, render: (row) => html`<span title=${row.base_url}>${row.title ?? row.name}</span>` },
  { id: "state", label: "State", value: (row) => row.state, render: (row) => {
    const [kind, label] = STATES[row.state] ?? ["", row.state];
    return html`<${Tag} kind=${kind} title=${row.reason}>${label}${row.state !== "closed" && row.reason ? `: ${row.reason}` : ""}<//>`;
  } },
  { id: "keys", label: "Keys", end: true, value: (row) => row.keys.length,
    render: (row) => `${format.number(row.keys.length)}${row.pausedKeys ? `, ${row.pausedKeys} paused` : ""}` },
];
