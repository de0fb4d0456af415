// The system key, which is not a virtual key: a description and its usage.

import { html, Section, format, useFetch } from "../../ui/index.js";

/** SystemKey: api. */
export function SystemKey({ api }) {
  const result = useFetch((signal) => api.get("admin/usage", { signal, query: { group_by: "key", key: "system" } }), []);
  const usage = result.data?.total;
  return html`
    <${Section} title="System key">
      <p class="dim">The deployment's own key, with access to all models. Only the gateway's limits apply to it. To replace it, change${" "}
        <code>VAULTEDGE_SYSTEM_KEY</code>, or its secret on AWS.</p>
      <p role="status">${usage ? html`Last 30 days: ${usage.requests === 1 ? "1 request" : `${format.number(usage.requests)} requests`}, ${format.number(usage.total_tokens)} tokens,
        ${" "}${format.money(usage.cost_usd)}. <a href="#/logs?key=system">View requests in the logs</a>` : result.error ? result.error.message : "…"}</p>
    <//>`;
}
