// Prepares a documentation file for this page: selects its part and rewrites links and addresses.

import { ENTRIES } from "./contents.js";

const EXAMPLE = "http://127.0.0.1:8787"; // the gateway in the repository's examples

/** Return an entry's Markdown. `page` is the console's address, `root` the gateway's with a trailing slash. */
export function prepareMarkdown(text, { but = [] }, { page, root }) {
  const parts = sections(text.replace(/<!--.*?-->\n*/gs, ""));
  const selected = parts.filter(({ title }) => !but.includes(title));
  const lines = selected.flatMap(({ title, lines: part }) => (title === null ? part.slice(1) : part));
  return rewriteLinks(joinLines(lowerHeadings(lines)).join("\n"), page).replaceAll(EXAMPLE, root.replace(/\/$/, ""));
}

/** Split a file at its second-level headings. The first part, with the file's title, has the title null. */
function sections(text) {
  const parts = [{ title: null, lines: [] }];
  for (const [line, code] of withCodeFlag(text.split("\n"))) {
    if (!code && line.startsWith("## ")) parts.push({ title: line.slice(3), lines: [] });
    parts.at(-1).lines.push(line);
  }
  return parts;
}

/** Return [line, is code] pairs; in code, a # starts a comment, not a heading. */
function withCodeFlag(lines) {
  let code = false;
  return lines.map((line) => {
    const fence = line.trimStart().startsWith("```");
    const inside = code || fence;
    if (fence) code = !code;
    return [line, inside];
  });
}

/** Lower all headings by one level, because the card has the title. */
const lowerHeadings = (lines) => withCodeFlag(lines).map(([line, code]) => (!code && /^#{2,5} /.test(line) ? `#${line}` : line));

/** Join the lines of each paragraph: the renderer keeps line breaks, and the files are wrapped. */
function joinLines(lines) {
  const output = [];
  let open = false; // the last line belongs to a paragraph or a list item
  for (const [line, code] of withCodeFlag(lines)) {
    const text = !code && /^ *[^ |#>`]|^ *`[^`]/.test(line);
    const item = /^ *(?:[-*] |\d+\. )/.test(line);
    if (text && open && !item) output.push(`${output.pop()} ${line.trim()}`);
    else output.push(line);
    open = text && (open || item || !/^ {4}/.test(line));
  }
  return output;
}

/** Point links to other documentation files at their page here. Other relative links are unchanged. */
const rewriteLinks = (text, page) => text.replace(/\]\(([^)\s]+)\)/g, (whole, target) => {
  const name = target.split("#")[0].split("/").at(-1);
  const entry = ENTRIES.find((each) => each.file === name);
  return entry && !/^https?:/.test(target) ? `](${page}#/docs?page=${entry.id})` : whole;
});
