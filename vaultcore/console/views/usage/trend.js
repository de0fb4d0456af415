// The trend per day, stacked by model, key, provider or owner.

import { html, Chart, Section, Tabs } from "../../ui/index.js";
import { METRICS, groupName } from "./metrics.js";
import { calendar, label } from "./period.js";

/** Trend: report ({ days, groups } of the admin API), by, metric, named, onMetric(id), actions. */
export function Trend({ report, by, metric, named, onMetric, actions }) {
  const { title } = METRICS[metric];
  const days = calendar(report.days.first_day, report.days.last_day);
  const show = METRICS[metric].show;
  return html`
    <${Section} title="Trend by day (UTC)" actions=${actions}>
      <${Tabs} label="Metric" tabs=${Object.entries(METRICS).map(([id, each]) => [id, each.title])} selected=${metric} onSelect=${onMetric}>
        <${Chart} label=${`${title} by day`} labels=${days.map(label)} series=${series(report, days, by, metric, named)} show=${show} />
      <//>
    <//>`;
}

/** Return the series of the first groups per day, and of the rest as "others". */
function series(report, days, by, metric, named) {
  const { of, title } = METRICS[metric];
  const at = new Map(days.map((day, index) => [day, index]));
  const groups = new Map();
  for (const row of report.groups.daily) {
    const values = groups.get(row[by]) ?? { name: groupName(row, by, named), values: days.map(() => 0) };
    values.values[at.get(row.day)] = of(row);
    groups.set(row[by], values);
  }
  const others = days.map(() => 0);
  for (const row of report.days.data) others[at.get(row.day)] = of(row);
  for (const { values } of groups.values()) values.forEach((value, index) => (others[index] -= value));
  const groupSeries = unique([...groups.values()]);
  const rest = others.map((value) => (value < 1e-9 ? 0 : value));
  if (!groupSeries.length) return [{ name: title, values: rest }];
  return rest.some(Boolean) ? [...groupSeries, { name: "others", values: rest }] : groupSeries;
}

/** Make series names unique: two keys may have the same name. */
function unique(all) {
  const counts = new Map();
  return all.map((each) => {
    const count = (counts.get(each.name) ?? 0) + 1;
    counts.set(each.name, count);
    return count === 1 ? each : { ...each, name: `${each.name} (${count})` };
  });
}
