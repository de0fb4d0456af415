// The log's filters. They are in the page's address, so that a view can be bookmarked and shared.

import { html, Button, Field, Select } from "../../ui/index.js";
import { keyOptions } from "./keys.js";
import { PERIODS, isReversed } from "./period.js";
import { TYPES } from "./rows.js";
import { useFilterText } from "./filter-text.js";

const STATUSES = [
  ["", "Any"], ["2xx", "2xx success"], ["4xx", "4xx rejected"], ["5xx", "5xx failed"],
  ["402", "402 no credits"], ["403", "403 not allowed"], ["404", "404 no such model"], ["429", "429 limit reached"], ["499", "499 client disconnected"],
];
const HIDDEN = ["provider", "owner", "id"]; // set by links from other pages; shown only when set

/** Filters: query, named (key names), models (used model names), onChange(query). */
export function Filters({ query, named, models, onChange }) {
  const fields = { search: { toText: (value) => value, toValue: (text) => text }, model: modelFilter(models) };
  const { text, type, change, clear, some: hasFilters } = useFilterText(query, fields, onChange);
  const set = (name) => (value) => change({ [name]: value });
  const optionsOf = (name, options) => [["", "Any"], ...withOwn(query[name], options)];
  const inputProps = { autocomplete: "off", spellcheck: false, maxlength: "128" };
  return html`
    <form class="bar log-filters" role="search" aria-label="Filters" onSubmit=${(event) => event.preventDefault()}>
      <${Field} ...${inputProps} label="Search" type="search" placeholder="id, key, model, owner, error …" value=${text("search")} onInput=${type("search")} />
      <${Select} label="Period" value=${query.time ?? ""} options=${PERIODS} onChange=${(time) => change({ time, from: "", to: "" })} />
      ${query.time === "between" && html`
        <${Field} label="From" type="datetime-local" value=${query.from} onInput=${set("from")} />
        <${Field} label="To" type="datetime-local" value=${query.to} onInput=${set("to")}
          error=${isReversed(query) && "Must be after the start."} />`}
      <${Select} label="Status" value=${query.status ?? ""} options=${withOwn(query.status, STATUSES)} onChange=${set("status")} />
      <${Field} ...${inputProps} label="Model" placeholder="name or part" list=${models} value=${text("model")} onInput=${type("model")} />
      <${Select} label="Key" value=${query.key ?? ""} options=${optionsOf("key", keyOptions(named))} onChange=${set("key")} />
      <${Select} label="Type" value=${query.path ?? ""} options=${optionsOf("path", TYPES)} onChange=${set("path")} />
      ${HIDDEN.map((name) => query[name] && html`
        <${Button} key=${name} icon="close" aria-label=${`Remove filter: ${name} ${query[name]}`} onClick=${() => set(name)("")}>${query[name]}<//>`)}
      <${Button} kind="plain" aria-label="Clear filters" disabled=${!hasFilters} onClick=${clear}>Clear<//>
    </form>`;
}

/** A full model name matches exactly; any other text matches a part of a name, as `*part*` in the query. */
const modelFilter = (models) => ({
  toValue: (text) => (!text || text.includes("*") || models.includes(text) ? text : `*${text}*`),
  toText: (value) => /^\*([^*]*)\*$/.exec(value)?.[1] ?? value,
});

/** Return options that include the current value, which may come from an address. */
const withOwn = (value, options) => (!value || options.some(([id]) => id === value) ? options : [[value, value], ...options]);
