// Connect a client: the settings of coding agents and libraries for this gateway.

import { html, Code, Section, Select, useState } from "../ui/index.js";
import { CLIENTS } from "./connect/clients.js";

const PLACES = { shell: "Shell", code: "Code" };

/** Connect: base (the base URL with /v1), model (a model that the session can use). */
export function Connect({ base, model = "gpt-4o-mini" }) {
  const [id, setId] = useState(CLIENTS[0].id);
  const client = CLIENTS.find((each) => each.id === id);
  const url = base.replace(/\/v1$/, "");
  const fill = (text) => text.replaceAll("{url}", () => url).replaceAll("{model}", () => model);
  return html`
    <${Section} title="Connect a client">
      <${Select} label="Client" value=${id} onChange=${setId} options=${CLIENTS.map((each) => [each.id, each.title])}
        hint="Set VAULTEDGE_KEY to a virtual key." />
      ${client.packages && html`<p class="dim small">Packages: <code>${client.packages}</code></p>`}
      ${client.blocks.map(({ place, text }) => html`
        <p key=${place} class="dim small">${PLACES[place] ?? place}</p>
        <${Code} key=${`${place} code`} text=${fill(text)} label=${`${client.title}: ${PLACES[place] ?? place}`} />`)}
      ${client.notes.map((note) => html`<p key=${note} class="dim small">${note.replaceAll("`", "")}</p>`)}
    <//>`;
}
