// The timeline of a request: the start, duration and back-off of each attempt.

import { html, format } from "../../ui/index.js";
import { useProviderKeys } from "./provider-keys.js";

/** Timeline: row (of the log), api. Bars share one scale. Rows without start times show attempts one after another. */
export function Timeline({ row, api }) {
  const keyLabel = useProviderKeys(api);
  const bars = withOffsets(row.attempts);
  const total = Math.max(row.ms, ...bars.map(({ from, ms }) => from + ms), 1);
  return html`
    <ol class="timeline" aria-label="Timeline">
      <${Bar} title="Request" from=${0} ms=${row.ms} total=${total} firstMs=${row.first_ms}
        detail=${row.first_ms === null ? "" : `first token after ${format.duration(row.first_ms)}`} />
      ${bars.map((each, index) => html`
        <${Bar} key=${index} title=${`${index + 1}. ${each.provider} / ${each.model}`} ...${each} total=${total}
          kind=${each.fault ? "bad" : "good"} detail=${outcome(each, keyLabel)} />`)}
    </ol>
    ${!bars.length && html`<p class="dim">No provider was called.</p>`}`;
}

/** Return attempts with `from`, their start, and `backoff`, the pause since the previous one; in milliseconds. */
function withOffsets(attempts) {
  let ended = 0;
  return attempts.map((each, index) => {
    const from = each.began_ms ?? ended;
    const backoff = index ? Math.max(0, from - ended) : 0;
    ended = from + each.ms;
    return { ...each, from, backoff };
  });
}

const MIN_SHOWN = 5; // milliseconds; shorter delays are not shown

// Faults as the log names them; a row may contain others.
const FAULTS = {
  host: "provider error", key: "key rejected", rate: "rate limit", model: "model unavailable", size: "context too long", request: "invalid request",
};

const outcome = ({ provider, status, fault, key_id, began_ms, backoff }, keyLabel) =>
  [
    status ?? "no response", fault && (FAULTS[fault] ?? fault.replaceAll("_", " ")), keyLabel(provider, key_id),
    began_ms >= MIN_SHOWN && `started at ${format.duration(began_ms)}${backoff >= MIN_SHOWN ? ` (${format.duration(backoff)} back-off)` : ""}`,
  ].filter(Boolean).join(" · ");

function Bar({ title, from, ms, backoff = 0, total, firstMs = null, kind = "", detail }) {
  const share = (part) => `${Math.min(100, (part / total) * 100)}%`;
  return html`
    <li class=${`timeline-row ${kind}`}>
      <p class="timeline-title"><strong>${title}</strong> <span>${format.duration(ms)}</span></p>
      <div class="timeline-track" aria-hidden="true">
        ${backoff >= MIN_SHOWN && html`<span class="timeline-wait" style=${{ insetInlineStart: share(from - backoff), width: share(backoff) }}></span>`}
        <span class="timeline-bar" style=${{ insetInlineStart: share(from), width: share(ms) }}></span>
        ${firstMs !== null && html`<span class="timeline-mark" style=${{ insetInlineStart: share(firstMs) }}></span>`}
      </div>
      <p class="dim small">${detail || "\u00a0"}</p>
    </li>`;
}
