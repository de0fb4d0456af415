// The fields of a key's restrictions, with a warning about unknown models.

import { html, useMemo, Field, useFetch } from "../../ui/index.js";

/** Return every name that a key's model list can contain: models, routes, aliases, provider/model and provider/*. */
async function loadModelNames(api, signal) {
  const { data } = await api.get("admin/models", { signal });
  return new Set(data.flatMap(({ id, providers }) => [
    id, ...providers.flatMap((name) => [`${name}/${id.replace(`${name}/`, "")}`, `${name}/*`])]));
}

/** Restrictions: api, field(name) → props, models (the field's text). An unknown model is not an error: it may be added later. */
export function Restrictions({ api, field, models }) {
  const knownNames = useFetch((signal) => loadModelNames(api, signal), []).data;
  const unknownNames = useMemo(() => {
    const names = models.split(/[\n,]/).map((each) => each.trim()).filter(Boolean);
    return knownNames ? names.filter((each) => !knownNames.has(each)) : [];
  }, [knownNames, models]);
  return html`
    <h3>Restrictions</h3>
    <div class="pair">
      <div>
        <${Field} label="Models" area=${3} ...${field("allowed_models")} placeholder=${"gpt-4o-mini\nanthropic/*"}
          hint="One per line: name, provider/model or provider/*. Leave empty for all models." />
        <p class="hint key-warning" role="status">${unknownNames.length > 0 && html`
          This gateway does not serve ${unknownNames.join(", ")}. You can still save ${unknownNames.length === 1 ? "it" : "them"}.`}</p>
      </div>
      <${Field} label="Networks" area=${3} ...${field("allowed_ips")} placeholder="203.0.113.0/24"
        hint="One IP address or CIDR range per line. Leave empty for all." />
    </div>`;
}
