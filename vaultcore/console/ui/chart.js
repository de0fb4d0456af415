// SVG charts: stacked bars or lines, with axes, a legend, and tooltips for pointer and keyboard.

import { html, useState } from "./html.js";
import { useWidth } from "./hooks.js";
import * as format from "./format.js";

const LEFT = 64, RIGHT = 12, TOP = 10, BOTTOM = 28;

/**
 * Chart: label (accessible name), kind ("bars" | "lines"), labels (of the x axis), series ([{ name, values }], at most 8), show
 * (number => text), height. Arrow keys, Home and End select a point.
 */
export function Chart({ label, kind = "bars", labels, series, show = format.compact, height = 240 }) {
  const [frame, width] = useWidth();
  const [at, setAt] = useState(null);
  const inner = Math.max(40, width - LEFT - RIGHT);
  const ticks = scale(highest(series, kind, labels.length));
  const top = ticks.at(-1);
  const plot = {
    kind, labels, series, at, height,
    step: inner / Math.max(1, labels.length),
    y: (value) => TOP + (height - TOP - BOTTOM) * (1 - value / top),
    x: (index) => LEFT + (inner / Math.max(1, labels.length)) * (index + 0.5),
  };
  const nearest = (event) => {
    const place = event.currentTarget.getBoundingClientRect();
    const index = Math.floor((event.clientX - place.left - LEFT) / plot.step);
    setAt(index >= 0 && index < labels.length ? index : null);
  };
  const move = (event) => {
    const last = labels.length - 1;
    const next = { ArrowRight: Math.min(last, (at ?? -1) + 1), ArrowLeft: Math.max(0, (at ?? last + 1) - 1), Home: 0, End: last, Escape: null }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    setAt(next);
  };
  return html`
    <figure class="chart" ref=${frame}>
      <div class="chart-plot" tabindex="0" role="application" aria-label=${`${label}. Use the arrow keys to select a point.`}
        onPointerMove=${nearest} onPointerLeave=${() => setAt(null)} onKeyDown=${move} onBlur=${() => setAt(null)}>
        <svg width=${width} height=${height} aria-hidden="true">
          <${Axes} plot=${plot} ticks=${ticks} width=${width} show=${show} />
          ${kind === "bars" ? html`<${Bars} plot=${plot} />` : html`<${Lines} plot=${plot} />`}
        </svg>
        ${at !== null && at < labels.length && html`<${Tooltip} plot=${plot} width=${width} show=${show} />`}
      </div>
      <p class="visually-hidden" role="status">${at !== null && at < labels.length ? describe(plot, show) : ""}</p>
      ${series.length > 1 && html`<figcaption class="legend">
        ${series.map(({ name }, index) => html`<span key=${name}><i class=${`dot s${index % 8}`}></i>${name}</span>`)}</figcaption>`}
    </figure>`;
}

function Axes({ plot, ticks, width, show }) {
  const every = Math.max(1, Math.ceil(plot.labels.length / Math.max(1, Math.floor((width - LEFT) / 84))));
  return html`
    <g class="axis">
      ${ticks.map((tick) => html`<g key=${tick}><line x1=${LEFT} x2=${width - RIGHT} y1=${plot.y(tick)} y2=${plot.y(tick)} />
        <text x=${LEFT - 8} y=${plot.y(tick) + 4} text-anchor="end">${show(tick)}</text></g>`)}
      ${plot.labels.map((text, index) => index % every === 0 && html`
        <text key=${index} x=${plot.x(index)} y=${plot.height - 8} text-anchor="middle">${text}</text>`)}
    </g>`;
}

function Bars({ plot }) {
  const wide = Math.max(1, Math.min(48, plot.step * 0.7));
  return plot.labels.map((_, index) => {
    let below = 0;
    return html`<g key=${index} class=${plot.at === index ? "highlight" : ""}>${plot.series.map(({ values }, of) => {
      const value = values[index] ?? 0;
      const y = plot.y(below + value);
      const tall = plot.y(below) - y;
      below += value;
      return html`<rect key=${of} class=${`s${of % 8}`} x=${plot.x(index) - wide / 2} y=${y} width=${wide} height=${Math.max(0, tall)} />`;
    })}</g>`;
  });
}

function Lines({ plot }) {
  return html`
    ${plot.at !== null && html`<line class="cursor" x1=${plot.x(plot.at)} x2=${plot.x(plot.at)} y1=${TOP} y2=${plot.height - BOTTOM} />`}
    ${plot.series.map(({ name, values }, of) => html`<g key=${name} class=${`s${of % 8}`}>
      <polyline points=${values.map((value, index) => `${plot.x(index)},${plot.y(value ?? 0)}`).join(" ")} />
      ${values.map((value, index) => (values.length < 40 || plot.at === index) && html`
        <circle key=${index} cx=${plot.x(index)} cy=${plot.y(value ?? 0)} r=${plot.at === index ? 4 : 2.5} />`)}</g>`)}`;
}

function Tooltip({ plot, width, show }) {
  const x = plot.x(plot.at);
  const side = x > width / 2 ? { right: `${width - x + 10}px` } : { left: `${x + 10}px` };
  return html`
    <div class="tooltip" style=${{ left: "auto", right: "auto", ...side }} aria-hidden="true">
      <strong>${plot.labels[plot.at]}</strong>
      ${plot.series.map(({ name, values }, index) => html`<span key=${name}><i class=${`dot s${index % 8}`}></i>${name}: ${show(values[plot.at])}</span>`)}
    </div>`;
}

const describe = (plot, show) =>
  `${plot.labels[plot.at]}: ${plot.series.map(({ name, values }) => `${name} ${show(values[plot.at])}`).join(", ")}`;

function highest(series, kind, count) {
  const sums = Array.from({ length: count }, (_, index) => {
    const values = series.map(({ values: each }) => each[index] ?? 0);
    return kind === "bars" ? values.reduce((a, b) => a + b, 0) : Math.max(0, ...values);
  });
  return Math.max(0, ...sums);
}

/** Return round axis steps from 0 to at least the maximum. */
function scale(maximum) {
  if (!(maximum > 0)) return [0, 1];
  const raw = maximum / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= raw);
  return Array.from({ length: Math.ceil(maximum / step) + 1 }, (_, index) => index * step);
}
