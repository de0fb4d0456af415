// The admin API's reference: every operation with its fields, from the description that the gateway gives of itself.

import { html, useMemo, useState, Button, Code, Empty, Field, Loaded, Section, Table, toast, useAsked } from "../../ui/index.js";
import { operations } from "./schema.js";

const COLUMNS = [
  { id: "name", label: "Field", main: true, render: (row) => html`<code>${row.name}</code>` },
  { id: "kind", label: "Type", render: (row) => row.kind },
  { id: "text", label: "Meaning", render: (row) => row.text },
];

/** Admin: api. */
export function Admin({ api }) {
  const asked = useAsked((signal) => api.get("admin/openapi.json", { signal }), []);
  const [wanted, want] = useState("");
  const save = async () => {
    try {
      download(await (await api.raw("GET", "admin/docs")).blob());
    } catch (error) {
      toast(error.message, "bad");
    }
  };
  const follow = (event) => {
    event.preventDefault();
    save();
  };
  return html`
    <${Section} title="Admin API reference" actions=${html`<${Button} small icon="download" onClick=${save}>Save as one page<//>`}>
      <p class="dim">All of it takes the admin key as bearer, which a browser does not send with an address. The same as one page is${" "}
        <a href=${`${api.root}admin/docs`} onClick=${follow}>/admin/docs</a>, which this link saves with your key; programs read${" "}
        <code>/admin/openapi.json</code>. In a terminal:</p>
      <${Code} inline label="command" text=${`curl -H "authorization: Bearer $VAULTEDGE_ADMIN_KEY" ${api.root}admin/docs > admin.html`} />
      <${Field} label="Find an operation or a field" type="search" value=${wanted} onInput=${want} placeholder="credits" />
      <${Loaded} asked=${asked} lines=${8}>${(description) => html`<${Operations} description=${description} wanted=${wanted} />`}<//>
    <//>`;
}

function Operations({ description, wanted }) {
  const all = useMemo(() => operations(description), [description]);
  const sought = wanted.trim().toLowerCase();
  const found = all.filter((each) => JSON.stringify(each).toLowerCase().includes(sought));
  if (!found.length) return html`<${Empty} icon="search" title="Nothing of that name">Try a shorter word.<//>`;
  const tags = [...new Set(found.map(({ tag }) => tag))];
  return tags.map((tag) => html`
    <section key=${tag} class="docs-tag"><h3>${tag}</h3>
      ${found.filter((each) => each.tag === tag).map((each) => html`<${Operation} key=${each.id} each=${each} />`)}</section>`);
}

/** One operation; its tables are made when it is opened. */
function Operation({ each }) {
  const [open, turn] = useState(false);
  return html`
    <details class="docs-operation" onToggle=${(event) => turn(event.currentTarget.open)}>
      <summary><span class=${`docs-method ${each.method.toLowerCase()}`}>${each.method}</span><code>${each.path}</code>
        <span class="dim small">${each.text}</span></summary>
      ${open && each.tables.map(({ title, rows }) => html`
        <h4 key=${title}>${title}</h4>
        <${Table} label=${`${title} of ${each.id}`} columns=${COLUMNS} rows=${rows} keyOf=${(row) => row.name} />`)}
    </details>`;
}

function download(blob) {
  const address = URL.createObjectURL(blob);
  Object.assign(document.createElement("a"), { href: address, download: "admin-api.html" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
