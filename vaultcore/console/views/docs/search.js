// Searching all of the documentation: the texts are fetched once, and looked through in this page.

import { address } from "../../router.js";
import { html, useMemo, Empty, Loaded, Section, useAsked } from "../../ui/index.js";
import { ENTRIES } from "./contents.js";
import { prepared } from "./prepare.js";

const AROUND = 90; // characters of an excerpt before and after what was found

/** Every page as [entry, text]; a file that is in several pages is fetched once. */
async function everyPage(api, page, signal) {
  const files = [...new Set(ENTRIES.map(({ file }) => file).filter(Boolean))];
  const texts = new Map(await Promise.all(files.map(async (file) =>
    [file, await (await api.raw("GET", `console/docs/${file}`, { signal })).text()])));
  return ENTRIES.filter(({ file }) => file)
    .map((entry) => [entry, plain(prepared(texts.get(entry.file), entry, { page, root: api.root }))]);
}

/** Markdown as words: its marks would stand in the excerpts. */
const plain = (text) => text.replace(/\]\([^)\s]+\)/g, "]").replace(/[`*[\]|#]+|^ *(?:-{3,}|```\w*)/gm, " ").replace(/\s+/g, " ");

/** The pages that have all words, best first: { entry, before, hit, after } with the first word's first place. */
export function found(pages, sought) {
  const words = sought.toLowerCase().split(/\s+/).filter(Boolean);
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

/** Findings: api, page (the console's address), sought (not empty), onGo(): a finding is followed. */
export function Findings({ api, page, sought, onGo }) {
  const asked = useAsked((signal) => everyPage(api, page, signal), []);
  const rows = useMemo(() => (asked.data ? found(asked.data, sought) : []), [asked.data, sought]);
  return html`
    <${Section} title="Found in the documentation">
      <${Loaded} asked=${asked} lines=${6} empty=${() => !rows.length} none=${html`<${Empty} icon="search" title="No page has that">Try fewer or shorter words.<//>`}>${() => html`
        <p class="dim small" role="status">${rows.length === 1 ? "1 page" : `${rows.length} pages`}</p>
        <ul class="docs-found">${rows.map(({ entry, before, hit, after }) => html`
          <li key=${entry.id}><a href=${address("docs", { page: entry.id })} onClick=${onGo}>${entry.title}</a>
            <p class="dim small">${before}<mark>${hit}</mark>${after}</p></li>`)}</ul>`}<//>
    <//>`;
}
