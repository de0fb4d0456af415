// The time that a question is about, as people choose it, and as the admin API is asked.

const HOUR = 3_600_000;

/** As the query has them, in the order of the choice. */
export const PERIODS = [["", "Last 30 days"], ["1h", "Last hour"], ["24h", "Last 24 hours"], ["7d", "Last 7 days"], ["between", "Between …"]];
const HOURS = { "1h": 1, "24h": 24, "7d": 168 };

/** { from, to } for the admin API: of what an address says, at this moment. */
export function bounds({ time, from, to }, now = Date.now()) {
  if (time === "between") return { from: iso(from), to: iso(to) };
  return HOURS[time] ? { from: new Date(now - HOURS[time] * HOUR).toISOString() } : {};
}

/** Whether the end that was chosen is not after the beginning. */
export const reversed = ({ time, from, to }) => time === "between" && Boolean(from && to) && Date.parse(from) >= Date.parse(to);

function iso(local) {
  const at = new Date(local ?? "");
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}
