// Overview: the gateway's address, recent usage, failures, provider health and sample code.

import { html, Code, Empty, Page, Section, Snippets, Tag, useFetch } from "../ui/index.js";
import { Failures } from "./overview/failures.js";
import { OwnOverview } from "./overview/own.js";
import { Providers } from "./overview/providers.js";
import { Days, Today, recentDays } from "./overview/activity.js";
import { loadDefaultModel } from "./playground/models.js";
import { Connect } from "./connect.js";
import { snippets } from "./snippets.js";

const INTRO = "One OpenAI-compatible endpoint for many providers. Provider keys stay in the vault; your applications use virtual keys.";

export default function Overview({ session, api }) {
  const content = { admin: AdminOverview, key: KeyOverview }[session.role] ?? GuestOverview;
  return html`<${Page} title="Overview" intro=${INTRO}><${content} api=${api} session=${session} /><//>`;
}

function AdminOverview({ api, session }) {
  const result = useFetch((signal) => recentDays(api, signal), [], { every: 30 });
  return html`
    <div class="columns"><${Gateway} api=${api} /><${Today} result=${result} /></div>
    <div class="columns"><${Days} result=${result} /><${Failures} api=${api} /></div>
    <div class="columns"><${Providers} api=${api} /><${OwnSampleCode} api=${api} session=${session} /></div>`;
}

const KeyOverview = ({ api, session }) => html`
  <${OwnOverview} api=${api}><${Gateway} api=${api} /><//>
  <${OwnSampleCode} api=${api} session=${session} />`;

const GuestOverview = ({ api }) => html`
  <div class="columns">
    <${Gateway} api=${api} />
    <${Section} title="Today">
      <${Empty} icon="key" title="Sign in to see requests and spend"><a href="#/sign-in">Sign in</a> with the admin key or a virtual key.<//><//>
  </div>
  <${SampleCode} api=${api} />`;

const SampleCode = ({ api, model }) => html`
  <${Section} title="Sample code"><${Snippets} samples=${snippets(api.base, model)} /><//>
  <${Connect} base=${api.base} model=${model} />`;

/** Sample code with a model that the session can use. */
function OwnSampleCode({ api, session }) {
  const result = useFetch((signal) => loadDefaultModel(api, session, signal));
  return html`<${SampleCode} api=${api} model=${result.data || undefined} />`;
}

function Gateway({ api }) {
  const result = useFetch((signal) => api.get("health", { signal }), [], { every: 15 });
  const up = result.data?.status === "ok" && !result.error;
  const status = result.error ? ["bad", "unreachable"] : up ? ["good", "up"] : ["", "checking …"];
  return html`
    <${Section} title="Gateway" actions=${html`<span role="status"><${Tag} kind=${status[0]}>${status[1]}<//></span>`}>
      <p class="dim small">Base URL for OpenAI SDKs</p>
      <${Code} text=${api.base} label="base URL" inline />
      <p class="dim small">For Anthropic SDKs, omit <code>/v1</code>.</p>
    <//>`;
}
