// How the providers of the vault fare in this process.

import { html, Empty, Icon, Loaded, Section, Table, Tag, format, useAsked } from "../../ui/index.js";

const STATES = { closed: ["good", "up"], "half-open": ["warn", "being tried"], open: ["bad", "resting"] };

/** Providers: api. */
export function Providers({ api }) {
  const asked = useAsked((signal) => providers(api, signal), [], { every: 15 });
  const none = html`<${Empty} icon="vault" title="The vault holds no provider's key yet"><a href="#/vault">Build a vault</a><//>`;
  return html`
    <${Section} title="Providers">
      <${Loaded} asked=${asked} lines=${5} empty=${(rows) => !rows.length} none=${none}>
        ${(rows) => html`<div class="overview-providers"><${Table} label="Providers" columns=${COLUMNS} rows=${rows} keyOf=${(row) => row.name}
          sort=${{ id: "name", down: false }} /></div>`}<//>
      <p class="dim small"><${Icon} name="refresh" /> What failed lately in this process; asked again every 15 seconds.</p>
    <//>`;
}

async function providers(api, signal) {
  const [known, health] = await Promise.all([api.get("admin/providers", { signal }), api.get("admin/health", { signal })]);
  return known.data.filter((each) => each.keys.length).map((each) => {
    const own = each.keys.map((key) => health.keys[key.id]).filter((circuit) => circuit && circuit.state !== "closed");
    const host = health.providers[each.name];
    return { ...each, state: host?.state ?? "closed", reason: host?.reason ?? null, resting: own.length };
  });
}

const COLUMNS = [
  { id: "name", label: "Provider", main: true, value: (row) => row.title ?? row.name, render: (row) => html`<span title=${row.base_url}>${row.title ?? row.name}</span>` },
  { id: "state", label: "State", value: (row) => row.state, render: (row) => {
    const [kind, word] = STATES[row.state] ?? ["", row.state];
    return html`<${Tag} kind=${kind} title=${row.reason}>${word}${row.state !== "closed" && row.reason ? `: ${row.reason}` : ""}<//>`;
  } },
  { id: "keys", label: "Keys", end: true, value: (row) => row.keys.length,
    render: (row) => `${format.number(row.keys.length)}${row.resting ? `, ${row.resting} resting` : ""}` },
];
