// How long a request took, and what each provider that was asked had of it.

import { html, format } from "../../ui/index.js";

/** Timeline: row (of the log). Bars share one scale; attempts follow one another. */
export function Timeline({ row }) {
  const tried = row.attempts.reduce((sum, each) => sum + each.ms, 0);
  const whole = Math.max(row.ms, tried, 1);
  let begun = 0;
  const bars = row.attempts.map((each) => {
    const from = begun;
    begun += each.ms;
    return { ...each, from };
  });
  return html`
    <ol class="timeline" aria-label="Timeline">
      <${Bar} title="The whole request" from=${0} ms=${row.ms} whole=${whole} mark=${row.first_ms}
        said=${row.first_ms === null ? "" : `first piece after ${format.duration(row.first_ms)}`} />
      ${bars.map((each, index) => html`
        <${Bar} key=${index} title=${`${index + 1}. ${each.provider} / ${each.model}`} from=${each.from} ms=${each.ms} whole=${whole}
          kind=${each.fault ? "bad" : "good"} said=${outcome(each)} />`)}
    </ol>
    ${!bars.length && html`<p class="dim">No provider was asked.</p>`}`;
}

const outcome = ({ status, fault, key_id }) =>
  [status ?? "no answer", fault?.replaceAll("_", " "), `key ${key_id}`].filter(Boolean).join(" · ");

function Bar({ title, from, ms, whole, mark = null, kind = "", said }) {
  const share = (part) => `${Math.min(100, (part / whole) * 100)}%`;
  return html`
    <li class=${`timeline-row ${kind}`}>
      <p class="timeline-title"><strong>${title}</strong> <span>${format.duration(ms)}</span></p>
      <div class="timeline-track" aria-hidden="true">
        <span class="timeline-bar" style=${{ insetInlineStart: share(from), width: share(ms) }}></span>
        ${mark !== null && html`<span class="timeline-mark" style=${{ insetInlineStart: share(mark) }}></span>`}
      </div>
      <p class="dim small">${said || "\u00a0"}</p>
    </li>`;
}
