// The admin API reference: every operation with its fields, from the gateway's OpenAPI description.

import { html, useMemo, useState, Button, Code, Empty, Field, Loaded, Section, Table, toast, useFetch } from "../../ui/index.js";
import { operations } from "./schema.js";

const COLUMNS = [
  { id: "name", label: "Field", main: true, render: (row) => html`<code>${row.name}</code>` },
  { id: "kind", label: "Type", render: (row) => row.kind },
  { id: "text", label: "Description", render: (row) => row.text },
];

/** Admin: api. */
export function Admin({ api }) {
  const result = useFetch((signal) => api.get("admin/openapi.json", { signal }), []);
  const [search, setSearch] = useState("");
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
    <${Section} title="Admin API reference" actions=${html`<${Button} small icon="download" onClick=${save}>Download as HTML<//>`}>
      <p class="dim">Every operation requires the admin key as the bearer token, which browsers do not send when you open a link.${" "}
        <a href=${`${api.root}admin/docs`} onClick=${follow}>/admin/docs</a> has the reference as one page; this link downloads it with your
        key. The OpenAPI description is at <code>/admin/openapi.json</code>. In a terminal:</p>
      <${Code} inline label="command" text=${`curl -H "authorization: Bearer $VAULTEDGE_ADMIN_KEY" ${api.root}admin/docs > admin.html`} />
      <${Field} label="Search operations and fields" type="search" value=${search} onInput=${setSearch} placeholder="credits" />
      <${Loaded} result=${result} lines=${8}>${(description) => html`<${Operations} description=${description} search=${search} />`}<//>
    <//>`;
}

function Operations({ description, search }) {
  const all = useMemo(() => operations(description), [description]);
  const query = search.trim().toLowerCase();
  const matches = all.filter((each) => JSON.stringify(each).toLowerCase().includes(query));
  if (!matches.length) return html`<${Empty} icon="search" title="No matching operations">Try a shorter word.<//>`;
  const tags = [...new Set(matches.map(({ tag }) => tag))];
  return tags.map((tag) => html`
    <section key=${tag} class="docs-tag"><h3>${tag}</h3>
      ${matches.filter((each) => each.tag === tag).map((each) => html`<${Operation} key=${each.id} each=${each} />`)}</section>`);
}

/** One operation; its tables are rendered when it is open. */
function Operation({ each }) {
  const [open, setOpen] = useState(false);
  return html`
    <details class="docs-operation" onToggle=${(event) => setOpen(event.currentTarget.open)}>
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
