// The trend over days: what each day came to, and of which models, keys or providers.

import { html, Chart, Section, Tabs } from "../../ui/index.js";
import { METRICS, called } from "./metrics.js";
import { calendar, label } from "./period.js";

/** Trend: report ({ days, groups } of the admin API), by, metric, named, onMetric(id), actions. */
export function Trend({ report, by, metric, named, onMetric, actions }) {
  const { title } = METRICS[metric];
  const days = calendar(report.days.first_day, report.days.last_day);
  const shown = METRICS[metric].show;
  return html`
    <${Section} title="Trend by day (UTC)" actions=${actions}>
      <${Tabs} label="What is counted" tabs=${Object.entries(METRICS).map(([id, each]) => [id, each.title])} chosen=${metric} onChoose=${onMetric}>
        <${Chart} label=${`${title} by day`} labels=${days.map(label)} series=${series(report, days, by, metric, named)} show=${shown} />
      <//>
    <//>`;
}

/** The first groups by day, stacked, and what is left of each day. */
function series(report, days, by, metric, named) {
  const { of, title } = METRICS[metric];
  const at = new Map(days.map((day, index) => [day, index]));
  const found = new Map();
  for (const row of report.groups.daily) {
    const values = found.get(row[by]) ?? { name: called(row, by, named), values: days.map(() => 0) };
    values.values[at.get(row.day)] = of(row);
    found.set(row[by], values);
  }
  const others = days.map(() => 0);
  for (const row of report.days.data) others[at.get(row.day)] = of(row);
  for (const { values } of found.values()) values.forEach((value, index) => (others[index] -= value));
  const named_ = unique([...found.values()]);
  const left = others.map((value) => (value < 1e-9 ? 0 : value));
  if (!named_.length) return [{ name: title, values: left }];
  return left.some(Boolean) ? [...named_, { name: "others", values: left }] : named_;
}

/** Two keys may have one name: series are told apart by theirs. */
function unique(all) {
  const seen = new Map();
  return all.map((each) => {
    const count = (seen.get(each.name) ?? 0) + 1;
    seen.set(each.name, count);
    return count === 1 ? each : { ...each, name: `${each.name} (${count})` };
  });
}
