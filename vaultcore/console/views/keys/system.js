// The system key, which is no virtual key: what it is, and what it was used for.

import { html, Section, format, useAsked } from "../../ui/index.js";

/** SystemKey: api. */
export function SystemKey({ api }) {
  const asked = useAsked((signal) => api.get("admin/usage", { signal, query: { group_by: "key", key: "system" } }), []);
  const used = asked.data?.total;
  return html`
    <${Section} title="The system key">
      <p class="dim">A secret of the deployment that opens every model. It is not listed above and has no limits of its own, only
        those of the gateway. Who sets another one (<code>VAULTEDGE_SYSTEM_KEY</code>, or its secret on AWS) has replaced it.</p>
      <p role="status">${used ? html`In the last 30 days: ${used.requests === 1 ? "one request" : `${format.number(used.requests)} requests`}, ${format.number(used.total_tokens)} tokens,
        ${" "}${format.money(used.cost_usd)}. <a href="#/logs?key=system">Its requests in the logs</a>` : asked.error ? asked.error.message : "…"}</p>
    <//>`;
}
