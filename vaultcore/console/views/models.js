// Models: what can be asked for here, what it can do and costs, and whether its providers are up.

import { html, useMemo, useState, Button, CopyIcon, Empty, Field, IconButton, Loaded, Page, Section, Select, Table, Tag, format, useAsked } from "../ui/index.js";
import { Details, STATES, playable } from "./models/details.js";
import { CAPABILITIES, TYPES, filtered, has, models } from "./models/rows.js";

export default function Models({ session, api, go, query }) {
  const asked = useAsked((signal) => models(api, session.role, signal), [session.id], { every: 30 });
  const [open, show] = useState(null);
  const narrow = (change) => go("models", { ...query, ...change }, { replace: true });
  const attempt = (row) => go("playground", { model: row.id });
  const none = html`<${Empty} icon="models" title="No model can be reached yet">
    ${session.role === "admin" ? html`<a href="#/vault">Put a provider's key into the vault</a>` : "Ask whoever runs this gateway."}<//>`;
  return html`
    <${Page} wide title="Models" intro=${session.role === "admin" ? "Every model that the vault's keys reach." : "Every model that your key may use."}>
      <${Section}>
        <${Loaded} asked=${asked} lines=${8} empty=${(rows) => !rows.length} none=${none}>${(rows) => html`
          <${Filters} rows=${rows} query=${query} narrow=${narrow} />
          <${List} rows=${rows} query=${query} narrow=${narrow} admin=${session.role === "admin"} onOpen=${show} onTry=${attempt} />`}<//>
      <//>
      <${Details} row=${open} base=${api.base} onClose=${() => show(null)} onTry=${attempt} />
    <//>`;
}

function Filters({ rows, query, narrow }) {
  const titles = new Map(rows.flatMap((row) => row.providers.map((each) => [each.name, each.title])));
  const providers = [...titles].sort(([, a], [, b]) => a.localeCompare(b));
  return html`
    <${Types} rows=${filtered(rows, { ...query, type: "" })} chosen=${query.type ?? ""} onChoose=${(type) => narrow({ type })} />
    <div class="bar">
      <${Field} label="Search" type="search" value=${query.q} onInput=${(q) => narrow({ q })} placeholder="gpt, claude, embed …" autocomplete="off" spellcheck=${false} />
      <${Select} label="Provider" value=${query.provider ?? ""} onChange=${(provider) => narrow({ provider })} options=${[["", "All providers"], ...providers]} />
      <${Select} label="Capabilities" value=${query.can ?? ""} onChange=${(can) => narrow({ can })} options=${[["", "Any"], ...CAPABILITIES]} />
    </div>`;
}

/** How many there are of each type; one of them can be chosen. */
function Types({ rows, chosen, onChoose }) {
  const count = (type) => rows.filter((row) => !type || row.type === type).length;
  return html`
    <div class="types" role="group" aria-label="Type">
      ${[["", "All"], ...TYPES].map(([type, name]) => html`
        <button type="button" class="type" key=${type} aria-pressed=${type === chosen ? "true" : "false"} onClick=${() => onChoose(type)}>
          <span class="type-count">${format.number(count(type))}</span> <span>${name}</span></button>`)}
    </div>`;
}

function List({ rows, query, narrow, admin, onOpen, onTry }) {
  const { q, type, provider, can } = query;
  const shown = useMemo(() => filtered(rows, { q, type, provider, can }), [rows, q, type, provider, can]);
  const columns = useMemo(() => COLUMNS({ admin, onTry }), [admin]);
  const clear = () => narrow({ q: "", type: "", provider: "", can: "" });
  const none = html`<${Empty} icon="search" title="No model fits"><${Button} onClick=${clear}>Show all<//><//>`;
  return html`
    <p class="dim small" role="status">${shown.length === rows.length ? `${format.number(rows.length)} models`
      : `${format.number(shown.length)} of ${format.number(rows.length)} models`} · prices in US dollars per million tokens</p>
    <div class="model-list"><${Table} label="Models" columns=${columns} rows=${shown} keyOf=${(row) => row.id} onOpen=${onOpen}
      sort=${{ id: "id", down: false }} empty=${none} /></div>`;
}

const amount = (row, name) => (row.pricing ? Number(row.pricing[name]) : null);
const picture = (row) => row.pricing?.picture?.default;

function Cost({ row, name }) {
  if (!row.pricing) return html`<span class="dim">not known</span>`;
  if (picture(row) && name === "output") return `${format.money(picture(row))} each`;
  if (Number(row.pricing[name]) === 0 && (picture(row) || row.type === "embedding")) return "–";
  return format.money(row.pricing[name]);
}

function State({ row }) {
  const [kind, word] = STATES[row.state] ?? ["", row.state];
  const why = row.providers.map((each) => each.reason).filter(Boolean).join(", ");
  return html`<${Tag} kind=${kind} title=${why || undefined}>${word}<//>`;
}

const COLUMNS = ({ admin, onTry }) => [
  { id: "id", label: "Model", main: true, value: (row) => row.id,
    render: (row) => html`<span class="model-id"><code title=${row.id}>${row.id}</code><${CopyIcon} text=${row.id} label=${`Copy ${row.id}`} /></span>` },
  { id: "type", label: "Type", value: (row) => row.type },
  { id: "providers", label: "Served by", value: (row) => `${row.providers[0]?.title} ${row.state}`,
    render: (row) => html`<span class="served"><span title=${row.providers.map((each) => each.title).join(", ")}>${row.providers.map((each) => each.title).join(", ")}</span>${admin && html` <${State} row=${row} />`}</span>` },
  { id: "window", label: "Context", end: true, value: (row) => row.window,
    render: (row) => html`<span title=${row.window ? `${format.number(row.window)} tokens` : undefined}>${format.compact(row.window)}</span>` },
  { id: "input", label: "Input", end: true, value: (row) => amount(row, "input"), render: (row) => html`<${Cost} row=${row} name="input" />` },
  { id: "output", label: "Output", end: true, value: (row) => amount(row, "output"), render: (row) => html`<${Cost} row=${row} name="output" />` },
  { id: "can", label: "Capabilities", render: (row) => {
    const said = CAPABILITIES.filter(([name]) => has(row, name)).map(([, word]) => word).join(", ");
    return html`<span class="abilities" title=${said}>${said || "–"}</span>`;
  } },
  { id: "actions", label: "Try", render: (row) => html`
    <${IconButton} icon="playground" label=${`Try ${row.id}`} onClick=${() => onTry(row)} disabled=${!playable(row)} />` },
];
