// Overview: what this gateway is, where it is, how its providers fare, what was used today, and code to begin with.

import { html, Code, Empty, Icon, Loaded, Page, Section, Snippets, Stat, Table, Tag, format, useAsked } from "../ui/index.js";
import { snippets } from "./snippets.js";

const STATES = { closed: ["good", "up"], "half-open": ["warn", "being tried"], open: ["bad", "resting"] };

export default function Overview({ session, api }) {
  return html`
    <${Page} title="Overview" intro="One OpenAI-compatible endpoint in front of many providers. Their keys stay in this gateway's vault; applications carry its own keys instead.">
      <div class="columns">
        <${Gateway} api=${api} />
        ${session.role === "admin" && html`<${Today} api=${api} />`}
        ${session.role === "key" && html`<${Mine} api=${api} />`}
        ${session.role === null && html`<${Stranger} />`}
      </div>
      ${session.role === "admin" && html`<${Providers} api=${api} />`}
      <${Section} title="From your program"><${Snippets} of=${snippets(api.base)} /><//>
    <//>`;
}

function Gateway({ api }) {
  const asked = useAsked((signal) => api.get("health", { signal }), [], { every: 15 });
  const up = asked.data?.status === "ok" && !asked.error;
  const said = asked.error ? ["bad", "not answering"] : up ? ["good", "up"] : ["", "asking …"];
  return html`
    <${Section} title="This gateway" actions=${html`<span role="status"><${Tag} kind=${said[0]}>${said[1]}<//></span>`}>
      <p class="dim small">Base URL for every OpenAI SDK</p>
      <${Code} text=${api.base} label="base URL" inline />
      <p class="dim small">Anthropic's SDKs take it without <code>/v1</code>.</p>
    <//>`;
}

function Today({ api }) {
  const day = new Date().toISOString().slice(0, 10);
  const asked = useAsked((signal) => api.get("admin/usage", { signal, query: { from: day, to: day, group_by: "day" } }), [day], { every: 30 });
  return html`
    <${Section} title="Today (UTC)">
      <${Loaded} asked=${asked}>${({ total }) => html`
        <div class="stats">
          <${Stat} label="Requests" value=${format.number(total.requests)} note=${total.failed ? `${format.number(total.failed)} failed` : "none failed"} />
          <${Stat} label="Spend" value=${format.money(total.cost_usd)} note=${total.unpriced ? `${format.number(total.unpriced)} without a known price` : ""} />
          <${Stat} label="Tokens" value=${format.compact(total.total_tokens)} note=${`${format.duration(total.average_ms)} on average`} />
        </div>`}<//>
    <//>`;
}

function Mine({ api }) {
  const asked = useAsked((signal) => api.get("v1/key", { signal }), [], { every: 30 });
  return html`
    <${Section} title="Your key">
      <${Loaded} asked=${asked}>${(key) => html`
        <div class="stats">
          <${Stat} label="Requests" value=${format.number(key.usage.requests)} note=${key.expires_at ? `ends ${format.relative(key.expires_at)}` : "does not expire"} />
          <${Stat} label="Spend" value=${format.money(key.usage.cost_usd)}
            note=${key.balance_usd === null ? "no credit limit" : `${format.money(key.balance_usd)} left`} />
          <${Stat} label="Tokens" value=${format.compact(key.usage.total_tokens)} />
        </div>`}<//>
    <//>`;
}

const Stranger = () => html`
  <${Section} title="Today">
    <${Empty} icon="key" title="Sign in to see requests and spend"><a href="#/sign-in">Sign in</a> with the admin key or a virtual key.<//>
  <//>`;

async function providers(api, signal) {
  const [known, health] = await Promise.all([api.get("admin/providers", { signal }), api.get("admin/health", { signal })]);
  return known.data.filter((each) => each.keys.length).map((each) => {
    const own = each.keys.map((key) => health.keys[key.id]).filter((circuit) => circuit && circuit.state !== "closed");
    const host = health.providers[each.name];
    return { ...each, state: host?.state ?? "closed", reason: host?.reason ?? null, resting: own.length };
  });
}

const COLUMNS = [
  { id: "name", label: "Provider", main: true, value: (row) => row.title ?? row.name },
  { id: "state", label: "State", value: (row) => row.state, render: (row) => {
    const [kind, word] = STATES[row.state] ?? ["", row.state];
    return html`<${Tag} kind=${kind} title=${row.reason}>${word}${row.state !== "closed" && row.reason ? `: ${row.reason}` : ""}<//>`;
  } },
  { id: "keys", label: "Keys", end: true, value: (row) => row.keys.length,
    render: (row) => `${format.number(row.keys.length)}${row.resting ? `, ${row.resting} resting` : ""}` },
  { id: "where", label: "Address", value: (row) => row.base_url, render: (row) => html`<code class="clip">${row.base_url}</code>` },
];

function Providers({ api }) {
  const asked = useAsked((signal) => providers(api, signal), [], { every: 15 });
  const none = html`<${Empty} icon="vault" title="The vault holds no provider's key yet"><a href="#/vault">Build a vault</a><//>`;
  return html`
    <${Section} title="Providers">
      <${Loaded} asked=${asked} empty=${(rows) => !rows.length} none=${none}>
        ${(rows) => html`<${Table} label="Providers" columns=${COLUMNS} rows=${rows} keyOf=${(row) => row.name} sort=${{ id: "name", down: false }} />`}<//>
      <p class="dim small"><${Icon} name="refresh" /> What failed lately in this process; asked again every 15 seconds.</p>
    <//>`;
}
