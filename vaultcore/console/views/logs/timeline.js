// When each provider was asked, how long it took, and what was waited for in between.

import { html, format } from "../../ui/index.js";
import { useProviderKeys } from "./provider-keys.js";

/** Timeline: row (of the log), api. Bars share one scale; in rows that do not say when attempts began, one follows the other. */
export function Timeline({ row, api }) {
  const keyCalled = useProviderKeys(api);
  const bars = placed(row.attempts);
  const whole = Math.max(row.ms, ...bars.map(({ from, ms }) => from + ms), 1);
  return html`
    <ol class="timeline" aria-label="Timeline">
      <${Bar} title="The whole request" from=${0} ms=${row.ms} whole=${whole} mark=${row.first_ms}
        said=${row.first_ms === null ? "" : `first piece after ${format.duration(row.first_ms)}`} />
      ${bars.map((each, index) => html`
        <${Bar} key=${index} title=${`${index + 1}. ${each.provider} / ${each.model}`} ...${each} whole=${whole}
          kind=${each.fault ? "bad" : "good"} said=${outcome(each, keyCalled)} />`)}
    </ol>
    ${!bars.length && html`<p class="dim">No provider was asked.</p>`}`;
}

/** Attempts with `from`, where they began, and `waited`, what was waited since the one before; milliseconds. */
function placed(attempts) {
  let ended = 0;
  return attempts.map((each, index) => {
    const from = each.began_ms ?? ended;
    const waited = index ? Math.max(0, from - ended) : 0;
    ended = from + each.ms;
    return { ...each, from, waited };
  });
}

const SHORT = 5; // milliseconds that nobody calls waiting

const outcome = ({ provider, status, fault, key_id, began_ms, waited }, keyCalled) =>
  [
    status ?? "no answer", fault?.replaceAll("_", " "), keyCalled(provider, key_id),
    began_ms >= SHORT && `began after ${format.duration(began_ms)}`,
    waited >= SHORT && `after a pause of ${format.duration(waited)}`,
  ].filter(Boolean).join(" · ");

function Bar({ title, from, ms, waited = 0, whole, mark = null, kind = "", said }) {
  const share = (part) => `${Math.min(100, (part / whole) * 100)}%`;
  return html`
    <li class=${`timeline-row ${kind}`}>
      <p class="timeline-title"><strong>${title}</strong> <span>${format.duration(ms)}</span></p>
      <div class="timeline-track" aria-hidden="true">
        ${waited >= SHORT && html`<span class="timeline-wait" style=${{ insetInlineStart: share(from - waited), width: share(waited) }}></span>`}
        <span class="timeline-bar" style=${{ insetInlineStart: share(from), width: share(ms) }}></span>
        ${mark !== null && html`<span class="timeline-mark" style=${{ insetInlineStart: share(mark) }}></span>`}
      </div>
      <p class="dim small">${said || "\u00a0"}</p>
    </li>`;
}
