// Docs: the repository's documentation, with this gateway's address, and the admin API's reference from its description.

import { address } from "../router.js";
import { html, useEffect, useState, Empty, Field, Loaded, Markdown, Page, Section, Select, useAsked } from "../ui/index.js";
import { Admin } from "./docs/admin.js";
import { ENTRIES, SHELVES, entry } from "./docs/contents.js";
import { prepared } from "./docs/prepare.js";
import { Findings } from "./docs/search.js";

const here = () => location.href.split("#")[0];

export default function Docs({ session, api, go, query }) {
  const chosen = entry(query.page);
  const [sought, seek] = useState("");
  useEffect(() => scrollTo(0, 0), [chosen.id]);
  const follow = (event) => {
    const link = event.target.closest("a")?.href ?? "";
    if (!link.startsWith(`${here()}#/docs`) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault(); // the Markdown's links open new tabs, which nobody is signed in in
    go("docs", { page: new URLSearchParams(link.split("?")[1]).get("page") });
  };
  return html`
    <${Page} title="Docs" intro="The API, its errors and settings: the repository's own documentation, with the address of this gateway.">
      <div class="docs">
        <div class="docs-side">
          <${Field} label="Search the docs" type="search" value=${sought} onInput=${seek} placeholder="credits, 429 …" autocomplete="off" spellcheck=${false} />
          <${Contents} chosen=${chosen} onGo=${() => seek("")} />
        </div>
        <div class="docs-choice"><${Select} label="Page" value=${chosen.id} onChange=${(page) => { seek(""); go("docs", { page }); }}
          options=${ENTRIES.map(({ id, title }) => [id, title])} /></div>
        <div class="docs-text" onClick=${follow}>
          ${sought.trim() ? html`<${Findings} api=${api} page=${here()} sought=${sought.trim()} onGo=${() => seek("")} />`
            : chosen.file ? html`<${Text} chosen=${chosen} api=${api} />`
            : session.role === "admin" ? html`<${Admin} api=${api} />` : html`<${Shut} />`}
        </div>
      </div>
    <//>`;
}

const Contents = ({ chosen, onGo }) => html`
  <nav class="docs-contents" aria-label="Documentation">
    ${SHELVES.map(([shelf, entries]) => html`
      <h2 key=${shelf}>${shelf}</h2>
      <ul>${entries.map(({ id, title }) => html`
        <li key=${id}><a href=${address("docs", { page: id })} aria-current=${id === chosen.id ? "page" : undefined} onClick=${onGo}>${title}</a></li>`)}</ul>`)}
  </nav>`;

/** A file, or a part of it; what was read before stays until it is here. */
function Text({ chosen, api }) {
  const asked = useAsked(async (signal) => {
    const response = await api.raw("GET", `console/docs/${chosen.file}`, { signal });
    return { of: chosen, text: prepared(await response.text(), chosen, { page: here(), root: api.root }) };
  }, [chosen.id]);
  return html`
    <${Section} title=${(asked.error ? chosen : asked.data?.of ?? chosen).title}>
      <${Loaded} asked=${asked.error ? { ...asked, data: null } : asked} lines=${8}>${({ text }) => html`<${Markdown} text=${text} />`}<//>
    <//>`;
}

const Shut = () => html`
  <${Section} title="Admin API reference">
    <${Empty} icon="key" title="The admin API describes itself to the admin key">
      <a href=${address("sign-in", { next: "docs" })}>Sign in</a> with it, or ask <code>/admin/docs</code> and <code>/admin/openapi.json</code> with it as
      bearer.<//>
  <//>`;
