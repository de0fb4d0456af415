// Overview: what this gateway is and where, what was used of late, what failed, how its providers fare, and code to begin with.

import { html, Code, Empty, Page, Section, Snippets, Tag, useAsked } from "../ui/index.js";
import { Failures } from "./overview/failures.js";
import { Own } from "./overview/own.js";
import { Providers } from "./overview/providers.js";
import { Days, Today, lately } from "./overview/lately.js";
import { beginning } from "./playground/models.js";
import { snippets } from "./snippets.js";

const INTRO = "One OpenAI-compatible endpoint in front of many providers. Their keys stay in this gateway's vault; applications carry its own keys instead.";

export default function Overview({ session, api }) {
  const inside = { admin: Operator, key: Holder }[session.role] ?? Stranger;
  return html`<${Page} title="Overview" intro=${INTRO}><${inside} api=${api} session=${session} /><//>`;
}

function Operator({ api, session }) {
  const asked = useAsked((signal) => lately(api, signal), [], { every: 30 });
  return html`
    <div class="columns"><${Gateway} api=${api} /><${Today} asked=${asked} /></div>
    <div class="columns"><${Days} asked=${asked} /><${Failures} api=${api} /></div>
    <div class="columns"><${Providers} api=${api} /><${BeginWithMine} api=${api} session=${session} /></div>`;
}

const Holder = ({ api, session }) => html`
  <${Own} api=${api}><${Gateway} api=${api} /><//>
  <${BeginWithMine} api=${api} session=${session} />`;

const Stranger = ({ api }) => html`
  <div class="columns">
    <${Gateway} api=${api} />
    <${Section} title="Today">
      <${Empty} icon="key" title="Sign in to see requests and spend"><a href="#/sign-in">Sign in</a> with the admin key or a virtual key.<//><//>
  </div>
  <${Begin} api=${api} />`;

const Begin = ({ api, model }) => html`<${Section} title="From your program"><${Snippets} of=${snippets(api.base, model)} /><//>`;

/** With a model that may be asked: code that is refused is no beginning. */
function BeginWithMine({ api, session }) {
  const asked = useAsked((signal) => beginning(api, session, signal));
  return html`<${Begin} api=${api} model=${asked.data || undefined} />`;
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
