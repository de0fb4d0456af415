// Models: every available model with its capabilities, prices and provider health.

import { html, useMemo, useState, Button, CopyIcon, Empty, Field, IconButton, Loaded, Page, Section, Select, Table, Tag, format, useFetch } from "../ui/index.js";
import { Details, STATES, isPlayable } from "./models/details.js";
import { CAPABILITIES, TYPES, filterRows, hasCapability, loadModels } from "./models/rows.js";

export default function Models({ session, api, go, query }) {
  const result = useFetch((signal) => loadModels(api, session.role, signal), [session.id], { every: 30 });
  const [open, setOpen] = useState(null);
  const narrow = (change) => go("models", { ...query, ...change }, { replace: true });
  const openPlayground = (row) => go("playground", { model: row.id });
  const none = html`<${Empty} icon="models" title="No models yet">
    ${session.role === "admin" ? html`<a href="#/vault">Add a provider key to the vault</a>` : "Contact the administrator of this gateway."}<//>`;
  return html`
    <${Page} wide title="Models" intro=${session.role === "admin" ? "All models available with the provider keys in the vault." : "All models that your key can use."}>
      <${Section}>
        <${Loaded} result=${result} lines=${8} empty=${(rows) => !rows.length} none=${none}>${(rows) => html`
          <${Filters} rows=${rows} query=${query} narrow=${narrow} />
          <${List} rows=${rows} query=${query} narrow=${narrow} admin=${session.role === "admin"} onOpen=${setOpen} onTry=${openPlayground} />`}<//>
      <//>
      <${Details} row=${open} base=${api.base} onClose=${() => setOpen(null)} onTry=${openPlayground} />
    <//>`;
}

function Filters({ rows, query, narrow }) {
  const titles = new Map(rows.flatMap((row) => row.providers.map((each) => [each.name, each.title])));
  const providers = [...titles].sort(([, a], [, b]) => a.localeCompare(b));
  return html`
    <${Types} rows=${filterRows(rows, { ...query, type: "" })} selected=${query.type ?? ""} onSelect=${(type) => narrow({ type })} />
    <div class="bar">
      <${Field} label="Search" type="search" value=${query.q} onInput=${(q) => narrow({ q })} placeholder="gpt, claude, embed …" autocomplete="off" spellcheck=${false} />
      <${Select} label="Provider" value=${query.provider ?? ""} onChange=${(provider) => narrow({ provider })} options=${[["", "All providers"], ...providers]} />
      <${Select} label="Capabilities" value=${query.can ?? ""} onChange=${(can) => narrow({ can })} options=${[["", "Any"], ...CAPABILITIES]} />
    </div>`;
}

/** Buttons with the number of models of each type; one filters by it. */
function Types({ rows, selected, onSelect }) {
  const count = (type) => rows.filter((row) => !type || row.type === type).length;
  return html`
    <div class="types" role="group" aria-label="Type">
      ${[["", "All"], ...TYPES].map(([type, name]) => html`
        <button type="button" class="type" key=${type} aria-pressed=${type === selected ? "true" : "false"} onClick=${() => onSelect(type)}>
          <span class="type-count">${format.number(count(type))}</span> <span>${name}</span></button>`)}
    </div>`;
}

function List({ rows, query, narrow, admin, onOpen, onTry }) {
  const { q, type, provider, can } = query;
  const visible = useMemo(() => filterRows(rows, { q, type, provider, can }), [rows, q, type, provider, can]);
  const columns = useMemo(() => COLUMNS({ admin, onTry }), [admin]);
  const clear = () => narrow({ q: "", type: "", provider: "", can: "" });
  const none = html`<${Empty} icon="search" title="No matching models"><${Button} onClick=${clear}>Clear filters<//><//>`;
  return html`
    <p class="dim small" role="status">${visible.length === rows.length ? `${format.number(rows.length)} models`
      : `${format.number(visible.length)} of ${format.number(rows.length)} models`} · prices in US$ per million tokens</p>
    <div class="model-list"><${Table} label="Models" columns=${columns} rows=${visible} keyOf=${(row) => row.id} onOpen=${onOpen}
      sort=${{ id: "id", down: false }} empty=${none} /></div>`;
}

const amount = (row, name) => (row.pricing ? Number(row.pricing[name]) : null);
const picture = (row) => row.pricing?.picture?.default;

function Cost({ row, name }) {
  if (!row.pricing) return html`<span class="dim">unknown</span>`;
  if (picture(row) && name === "output") return `${format.money(picture(row))} each`;
  if (Number(row.pricing[name]) === 0 && (picture(row) || row.type === "embedding")) return "–";
  return format.money(row.pricing[name]);
}

function State({ row }) {
  const [kind, label] = STATES[row.state] ?? ["", row.state];
  const reasons = row.providers.map((each) => each.reason).filter(Boolean).join(", ");
  return html`<${Tag} kind=${kind} title=${reasons || undefined}>${label}<//>`;
}

const COLUMNS = ({ admin, onTry }) => [
  { id: "id", label: "Model", main: true, value: (row) => row.id,
    render: (row) => html`<span class="model-id"><code title=${row.id}>${row.id}</code><${CopyIcon} text=${row.id} label=${`Copy ${row.id}`} /></span>` },
  { id: "type", label: "Type", value: (row) => row.type },
  { id: "providers", label: "Providers", value: (row) => `${row.providers[0]?.title} ${row.state}`,
    render: (row) => html`<span class="model-providers"><span title=${row.providers.map((each) => each.title).join(", ")}>${row.providers.map((each) => each.title).join(", ")}</span>${admin && html` <${State} row=${row} />`}</span>` },
  { id: "window", label: "Context", end: true, value: (row) => row.window,
    render: (row) => html`<span title=${row.window ? `${format.number(row.window)} tokens` : undefined}>${format.compact(row.window)}</span>` },
  { id: "input", label: "Input", end: true, value: (row) => amount(row, "input"), render: (row) => html`<${Cost} row=${row} name="input" />` },
  { id: "output", label: "Output", end: true, value: (row) => amount(row, "output"), render: (row) => html`<${Cost} row=${row} name="output" />` },
  { id: "can", label: "Capabilities", render: (row) => {
    const names = CAPABILITIES.filter(([name]) => hasCapability(row, name)).map(([, word]) => word).join(", ");
    return html`<span class="model-capabilities" title=${names}>${names || "–"}</span>`;
  } },
  { id: "actions", label: "Try", render: (row) => html`
    <${IconButton} icon="playground" label=${`Try ${row.id}`} onClick=${() => onTry(row)} disabled=${!isPlayable(row)} />` },
];
