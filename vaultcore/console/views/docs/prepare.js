// A file of the repository as text for this page: the part that is asked for, with its links and addresses put right.

import { ENTRIES } from "./contents.js";

const EXAMPLE = "http://127.0.0.1:8787"; // the gateway in the repository's examples

/** The Markdown to show of an entry: `page` is the console's address, `root` the gateway's, with a slash at its end. */
export function prepared(text, { only, but = [] }, { page, root }) {
  const parts = sections(text.replace(/<!--.*?-->\n*/gs, ""));
  const wanted = parts.filter(({ title }) => (only ? title === only : !but.includes(title)));
  const lines = wanted.flatMap(({ title, lines: held }) => (only || title === null ? held.slice(1) : held));
  return linked(flowing(deeper(lines)).join("\n"), page).replaceAll(EXAMPLE, root.replace(/\/$/, ""));
}

/** The parts of a file, each with the heading it begins with; the first has the file's title and is called null. */
function sections(text) {
  const parts = [{ title: null, lines: [] }];
  for (const [line, code] of told(text.split("\n"))) {
    if (!code && line.startsWith("## ")) parts.push({ title: line.slice(3), lines: [] });
    parts.at(-1).lines.push(line);
  }
  return parts;
}

/** Each line with whether it is code: there a # is a remark. */
function told(lines) {
  let code = false;
  return lines.map((line) => {
    const fence = line.trimStart().startsWith("```");
    const inside = code || fence;
    if (fence) code = !code;
    return [line, inside];
  });
}

/** Headings one step down: the card they stand in has the title. */
const deeper = (lines) => told(lines).map(([line, code]) => (!code && /^#{2,5} /.test(line) ? `#${line}` : line));

/** Paragraphs in one line each: the renderer breaks lines where a chat's text does, the files where they are wide enough. */
function flowing(lines) {
  const joined = [];
  let open = false; // the last line is of a paragraph or a list's item
  for (const [line, code] of told(lines)) {
    const text = !code && /^ *[^ |#>`]|^ *`[^`]/.test(line);
    const item = /^ *(?:[-*] |\d+\. )/.test(line);
    if (text && open && !item) joined.push(`${joined.pop()} ${line.trim()}`);
    else joined.push(line);
    open = text && (open || item || !/^ {4}/.test(line));
  }
  return joined;
}

/** Links to other files of the documentation lead to where they are here; other relative ones have no address. */
const linked = (text, page) => text.replace(/\]\(([^)\s]+)\)/g, (whole, target) => {
  const name = target.split("#")[0].split("/").at(-1);
  const found = ENTRIES.find((each) => each.file === name);
  return found && !/^https?:/.test(target) ? `](${page}#/docs?page=${found.id})` : whole;
});
