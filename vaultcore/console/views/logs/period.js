// The log's period, as shown in the filter and as parameters of the admin API.

const HOUR = 3_600_000; // milliseconds

/** Periods: [value in the query, label]. */
export const PERIODS = [["", "Last 30 days"], ["1h", "Last hour"], ["24h", "Last 24 hours"], ["7d", "Last 7 days"], ["between", "Between …"]];
const HOURS = { "1h": 1, "24h": 24, "7d": 168 };

/** Return { from, to } for the admin API, relative to now. */
export function bounds({ time, from, to }, now = Date.now()) {
  if (time === "between") return { from: iso(from), to: iso(to) };
  return HOURS[time] ? { from: new Date(now - HOURS[time] * HOUR).toISOString() } : {};
}

/** Return true if the selected end is not after the start. */
export const isReversed = ({ time, from, to }) => time === "between" && Boolean(from && to) && Date.parse(from) >= Date.parse(to);

function iso(local) {
  const at = new Date(local ?? "");
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}
