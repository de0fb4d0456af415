// What a key is restricted to, as fields, with a word about models that nothing here is called.

import { html, useMemo, Field, useAsked } from "../../ui/index.js";

/** All that a key's list of models may name: models, routes and aliases, provider/model and provider/*. */
async function served(api, signal) {
  const { data } = await api.get("admin/models", { signal });
  return new Set(data.flatMap(({ id, providers }) => [
    id, ...providers.flatMap((name) => [`${name}/${id.replace(`${name}/`, "")}`, `${name}/*`])]));
}

/** Restrictions: api, field(name) → props, models (text, as it was typed). A strange model is no error: it may come to be served. */
export function Restrictions({ api, field, models }) {
  const known = useAsked((signal) => served(api, signal), []).data;
  const strange = useMemo(() => {
    const typed = models.split(/[\n,]/).map((each) => each.trim()).filter(Boolean);
    return known ? typed.filter((each) => !known.has(each)) : [];
  }, [known, models]);
  return html`
    <h3>Restrictions</h3>
    <div class="pair">
      <div>
        <${Field} label="Models" area=${3} ...${field("allowed_models")} placeholder=${"gpt-4o-mini\nanthropic/*"}
          hint="One per line: a name, provider/model or provider/*. Empty: every model." />
        <p class="hint key-strange" role="status">${strange.length > 0 && html`
          Nothing that is served here now matches ${strange.join(", ")}. ${strange.length === 1 ? "It" : "They"} can be saved as typed.`}</p>
      </div>
      <${Field} label="Networks" area=${3} ...${field("allowed_ips")} placeholder="203.0.113.0/24"
        hint="One per line. Empty: from everywhere." />
    </div>`;
}
