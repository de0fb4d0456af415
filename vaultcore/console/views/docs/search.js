// Full-text search in the documentation. All files are fetched once and searched in the browser.

import { address } from "../../router.js";
import { html, useMemo, Empty, Loaded, Section, useFetch } from "../../ui/index.js";
import { ENTRIES } from "./contents.js";
import { prepareMarkdown } from "./prepare.js";

const AROUND = 90; // characters of context before and after a match

/** Return every page as [entry, text]. A file with several pages is fetched once. */
async function loadPages(api, page, signal) {
  const files = [...new Set(ENTRIES.map(({ file }) => file).filter(Boolean))];
  const texts = new Map(await Promise.all(files.map(async (file) =>
    [file, await (await api.raw("GET", `console/docs/${file}`, { signal })).text()])));
  return ENTRIES.filter(({ file }) => file)
    .map((entry) => [entry, plain(prepareMarkdown(texts.get(entry.file), entry, { page, root: api.root }))]);
}

/** Remove Markdown syntax, which would otherwise appear in excerpts. */
const plain = (text) => text.replace(/\]\([^)\s]+\)/g, "]").replace(/[`*[\]|#]+|^ *(?:-{3,}|```\w*)/gm, " ").replace(/\s+/g, " ");

/** Return the pages with all words, best match first: { entry, before, hit, after }, where `hit` is the first match. */
export function findPages(pages, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = pages.flatMap(([entry, text]) => {
    const [lower, title] = [text.toLowerCase(), entry.title.toLowerCase()];
    if (!words.every((word) => lower.includes(word) || title.includes(word))) return [];
    const phrase = words.join(" ");
    const hit = [phrase, ...words].find((each) => lower.includes(each)) ?? "";
    const [at, count] = [lower.indexOf(hit), words.reduce((sum, word) => sum + lower.split(word).length - 1, 0)];
    const end = at + hit.length;
    return [{
      entry, before: text.slice(Math.max(0, at - AROUND), at), hit: text.slice(at, end), after: text.slice(end, end + AROUND),
      rank: words.filter((word) => title.includes(word)).length * 1_000 + (hit === phrase ? 500 : 0) + count,
    }];
  });
  return rows.sort((a, b) => b.rank - a.rank);
}

/** SearchResults: api, page (the console's address), query (not empty), onGo() (a result was opened). */
export function SearchResults({ api, page, query, onGo }) {
  const result = useFetch((signal) => loadPages(api, page, signal), []);
  const rows = useMemo(() => (result.data ? findPages(result.data, query) : []), [result.data, query]);
  return html`
    <${Section} title="Search results">
      <${Loaded} result=${result} lines=${6} empty=${() => !rows.length} none=${html`<${Empty} icon="search" title="No results">Try fewer or shorter words.<//>`}>${() => html`
        <p class="dim small" role="status">${rows.length === 1 ? "1 page" : `${rows.length} pages`}</p>
        <ul class="docs-results">${rows.map(({ entry, before, hit, after }) => html`
          <li key=${entry.id}><a href=${address("docs", { page: entry.id })} onClick=${onGo}>${entry.title}</a>
            <p class="dim small">${before}<mark>${hit}</mark>${after}</p></li>`)}</ul>`}<//>
    <//>`;
}
