// Small figures: a usage meter, a state tag, a labelled number.

import { percent } from "./format.js";
import { html } from "./html.js";

/** Meter: used, most, label (accessible name), text (default: the percentage). Warns from 80 %, full from 100 %. */
export function Meter({ used, most, label, text }) {
  const share = most > 0 ? Math.min(1, Math.max(0, used / most)) : 1;
  const state = share >= 1 ? "bad" : share >= 0.8 ? "warn" : "good";
  const valueText = text ?? percent(share);
  return html`
    <div class=${`meter ${state}`} role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax="100"
      aria-valuenow=${Math.round(share * 100)} aria-valuetext=${valueText}>
      <div class="meter-track"><div class="meter-fill" style=${{ width: `${share * 100}%` }}></div></div>
      <span class="small">${valueText}</span>
    </div>`;
}

/** Tag: kind ("good" | "bad" | "warn" | "info" | ""), title, children. */
export const Tag = ({ kind = "", title, children }) => html`<span class=${`tag ${kind}`} title=${title}>${children}</span>`;

/** Stat: label, value, note, title (the value with all its digits). */
export const Stat = ({ label, value, note, title }) => html`
  <div class="stat"><p class="dim small">${label}</p><p class="stat-value" title=${title}>${value}</p>
    <p class="dim small stat-note">${note ?? "\u00a0"}</p></div>`;
