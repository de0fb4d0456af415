// Docs: the repository's documentation with this gateway's address, and the admin API reference.

import { address } from "../router.js";
import { html, useEffect, useState, Empty, Field, Loaded, Markdown, Page, Section, Select, useFetch } from "../ui/index.js";
import { Admin } from "./docs/admin.js";
import { ENTRIES, SECTIONS, findEntry } from "./docs/contents.js";
import { prepareMarkdown } from "./docs/prepare.js";
import { SearchResults } from "./docs/search.js";

const consoleUrl = () => location.href.split("#")[0];

export default function Docs({ session, api, go, query }) {
  const chosen = findEntry(query.page);
  const [search, setSearch] = useState("");
  useEffect(() => scrollTo(0, 0), [chosen.id]);
  const follow = (event) => {
    const link = event.target.closest("a")?.href ?? "";
    if (!link.startsWith(`${consoleUrl()}#/docs`) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault(); // Markdown links open new tabs, in which the user is not signed in
    go("docs", { page: new URLSearchParams(link.split("?")[1]).get("page") });
  };
  return html`
    <${Page} title="Docs" intro="API, settings and operations. Examples use the address of this gateway.">
      <div class="docs">
        <div class="docs-side">
          <${Field} label="Search the docs" type="search" value=${search} onInput=${setSearch} placeholder="credits, 429 …" autocomplete="off" spellcheck=${false} />
          <${Contents} chosen=${chosen} onGo=${() => setSearch("")} />
        </div>
        <div class="docs-choice"><${Select} label="Page" value=${chosen.id} onChange=${(page) => { setSearch(""); go("docs", { page }); }}
          options=${ENTRIES.map(({ id, title }) => [id, title])} /></div>
        <div class="docs-text" onClick=${follow}>
          ${search.trim() ? html`<${SearchResults} api=${api} page=${consoleUrl()} query=${search.trim()} onGo=${() => setSearch("")} />`
            : chosen.file ? html`<${Text} chosen=${chosen} api=${api} />`
            : session.role === "admin" ? html`<${Admin} api=${api} />` : html`<${AccessDenied} />`}
        </div>
      </div>
    <//>`;
}

const Contents = ({ chosen, onGo }) => html`
  <nav class="docs-contents" aria-label="Documentation">
    ${SECTIONS.map(([section, entries]) => html`
      <h2 key=${section}>${section}</h2>
      <ul>${entries.map(({ id, title }) => html`
        <li key=${id}><a href=${address("docs", { page: id })} aria-current=${id === chosen.id ? "page" : undefined} onClick=${onGo}>${title}</a></li>`)}</ul>`)}
  </nav>`;

/** A file, or a part of it. The previous text stays until the new one is loaded. */
function Text({ chosen, api }) {
  const result = useFetch(async (signal) => {
    const response = await api.raw("GET", `console/docs/${chosen.file}`, { signal });
    return { of: chosen, text: prepareMarkdown(await response.text(), chosen, { page: consoleUrl(), root: api.root }) };
  }, [chosen.id]);
  return html`
    <${Section} title=${(result.error ? chosen : result.data?.of ?? chosen).title}>
      <${Loaded} result=${result.error ? { ...result, data: null } : result} lines=${8}>${({ text }) => html`<${Markdown} text=${text} />`}<//>
    <//>`;
}

const AccessDenied = () => html`
  <${Section} title="Admin API reference">
    <${Empty} icon="key" title="The admin API reference requires the admin key">
      <a href=${address("sign-in", { next: "docs" })}>Sign in</a> with it, or send it as the bearer token to <code>/admin/docs</code> or${" "}
      <code>/admin/openapi.json</code>.<//>
  <//>`;
