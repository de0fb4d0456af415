// What is looked for in the log. Everything is in the page's address, so that it can be kept and sent on.

import { html, useEffect, useLayoutEffect, useState, Button, Field, Select } from "../../ui/index.js";
import { keyOptions } from "./keys.js";
import { PERIODS } from "./period.js";
import { TYPES } from "./rows.js";

const STATUSES = [["", "Any"], ["2xx", "2xx answered"], ["4xx", "4xx refused"], ["5xx", "5xx failed"], ["429", "429 too many"], ["499", "499 gone away"]];
const HIDDEN = ["provider", "owner", "id"]; // of links from other pages: shown where they are set
const WAIT = 350; // ms after the last letter

/** Filters: query, named (keys), models (names that were used), onChange(query). */
export function Filters({ query, named, models, onChange }) {
  const set = (name) => (value) => onChange({ ...query, [name]: value });
  const keys = query.key && !named[query.key] ? [[query.key, query.key], ...keyOptions(named)] : keyOptions(named);
  const types = query.path && !TYPES.some(([path]) => path === query.path) ? [[query.path, query.path], ...TYPES] : TYPES;
  const some = Object.values(query).some(Boolean);
  return html`
    <form class="bar log-filters" role="search" aria-label="Filters" onSubmit=${(event) => event.preventDefault()}>
      <${Typed} label="Search" type="search" placeholder="id, model, owner, error …" value=${query.search} onSettle=${set("search")} />
      <${Select} label="Time" value=${query.time ?? ""} options=${PERIODS} onChange=${(time) => onChange({ ...query, time, from: "", to: "" })} />
      ${query.time === "between" && html`
        <${Field} label="From" type="datetime-local" value=${query.from} onInput=${set("from")} />
        <${Field} label="To" type="datetime-local" value=${query.to} onInput=${set("to")} />`}
      <${Select} label="Status" value=${query.status ?? ""} options=${STATUSES} onChange=${set("status")} />
      <${Typed} label="Model" placeholder="any" value=${query.model} list=${models} onSettle=${set("model")} />
      <${Select} label="Key" value=${query.key ?? ""} options=${[["", "Any"], ...keys]} onChange=${set("key")} />
      <${Select} label="Type" value=${query.path ?? ""} options=${[["", "Any"], ...types]} onChange=${set("path")} />
      ${HIDDEN.map((name) => query[name] && html`
        <${Button} key=${name} icon="close" aria-label=${`Not only the ${name} ${query[name]}`} onClick=${() => set(name)("")}>${query[name]}<//>`)}
      <${Button} kind="plain" disabled=${!some} onClick=${() => onChange({})}>Clear<//>
    </form>`;
}

/** A field whose text counts once the typing pauses. */
function Typed({ value = "", onSettle, ...more }) {
  const [text, type] = useState(value);
  useLayoutEffect(() => type(value), [value]); // before anything can be typed: later it would take that back
  useEffect(() => {
    if (text === value) return undefined;
    const timer = setTimeout(() => onSettle(text.trim()), WAIT);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<${Field} ...${more} value=${text} onInput=${type} autocomplete="off" spellcheck=${false} maxlength="128" />`;
}
