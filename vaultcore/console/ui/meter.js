// Small figures: how much of a limit is used, a state in a word, one number with its name.

import { percent } from "./format.js";
import { html } from "./html.js";

/** Meter: used, most, label (spoken), text (shown; without it the share). From 80 % it warns, from 100 % it is full. */
export function Meter({ used, most, label, text }) {
  const share = most > 0 ? Math.min(1, Math.max(0, used / most)) : 1;
  const state = share >= 1 ? "bad" : share >= 0.8 ? "warn" : "good";
  const shown = text ?? percent(share);
  return html`
    <div class=${`meter ${state}`} role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax="100"
      aria-valuenow=${Math.round(share * 100)} aria-valuetext=${shown}>
      <div class="meter-track"><div class="meter-fill" style=${{ width: `${share * 100}%` }}></div></div>
      <span class="small">${shown}</span>
    </div>`;
}

/** Tag: kind ("good" | "bad" | "warn" | "info" | ""), title, children. */
export const Tag = ({ kind = "", title, children }) => html`<span class=${`tag ${kind}`} title=${title}>${children}</span>`;

/** Stat: label, value, note, title (of the value: all its digits). */
export const Stat = ({ label, value, note, title }) => html`
  <div class="stat"><p class="dim small">${label}</p><p class="stat-value" title=${title}>${value}</p>
    <p class="dim small stat-note">${note ?? "\u00a0"}</p></div>`;
