// What is looked for in the log. Everything is in the page's address, so that it can be kept and sent on.

import { html, Button, Field, Select } from "../../ui/index.js";
import { keyOptions } from "./keys.js";
import { PERIODS, reversed } from "./period.js";
import { TYPES } from "./rows.js";
import { useTyped } from "./typed.js";

const STATUSES = [
  ["", "Any"], ["2xx", "2xx answered"], ["4xx", "4xx refused by a provider"], ["5xx", "5xx failed"],
  ["429", "429 limited by a provider"], ["499", "499 client disconnected"],
];
const HIDDEN = ["provider", "owner", "id"]; // of links from other pages: shown where they are set

/** Filters: query, named (keys), models (names that were used), onChange(query). */
export function Filters({ query, named, models, onChange }) {
  const fields = { search: { shown: (value) => value, meant: (text) => text }, model: naming(models) };
  const { text, type, change, clear, some } = useTyped(query, fields, onChange);
  const set = (name) => (value) => change({ [name]: value });
  const chosen = (name, options) => [["", "Any"], ...withOwn(query[name], options)];
  const typed = { autocomplete: "off", spellcheck: false, maxlength: "128" };
  return html`
    <form class="bar log-filters" role="search" aria-label="Filters" onSubmit=${(event) => event.preventDefault()}>
      <${Field} ...${typed} label="Search" type="search" placeholder="id, key, model, owner, error …" value=${text("search")} onInput=${type("search")} />
      <${Select} label="Time" value=${query.time ?? ""} options=${PERIODS} onChange=${(time) => change({ time, from: "", to: "" })} />
      ${query.time === "between" && html`
        <${Field} label="From" type="datetime-local" value=${query.from} onInput=${set("from")} />
        <${Field} label="To" type="datetime-local" value=${query.to} onInput=${set("to")}
          error=${reversed(query) && "This is not after the beginning."} />`}
      <${Select} label="Status" value=${query.status ?? ""} options=${withOwn(query.status, STATUSES)} onChange=${set("status")} />
      <${Field} ...${typed} label="Model" placeholder="any or part" list=${models} value=${text("model")} onInput=${type("model")} />
      <${Select} label="Key" value=${query.key ?? ""} options=${chosen("key", keyOptions(named))} onChange=${set("key")} />
      <${Select} label="Type" value=${query.path ?? ""} options=${chosen("path", TYPES)} onChange=${set("path")} />
      ${HIDDEN.map((name) => query[name] && html`
        <${Button} key=${name} icon="close" aria-label=${`Not only the ${name} ${query[name]}`} onClick=${() => set(name)("")}>${query[name]}<//>`)}
      <${Button} kind="plain" disabled=${!some} onClick=${clear}>Clear<//>
    </form>`;
}

/** A model's whole name means that model; anything else is a part of a name, as `*part*` in the query. */
const naming = (models) => ({
  meant: (text) => (!text || text.includes("*") || models.includes(text) ? text : `*${text}*`),
  shown: (value) => /^\*([^*]*)\*$/.exec(value)?.[1] ?? value,
});

/** Options with the chosen one among them, which an address may have from elsewhere. */
const withOwn = (value, options) => (!value || options.some(([id]) => id === value) ? options : [[value, value], ...options]);
