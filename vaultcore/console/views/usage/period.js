// The period of the usage page: whole days in UTC, as the gateway records them.

const DAY = 86_400_000;

/** Periods: [number of days as in the address, label]. */
export const PERIODS = [["7", "Last 7 days"], ["", "Last 30 days"], ["90", "Last 90 days"], ["365", "Last 365 days"], ["between", "Between …"]];

const MAX_LENGTHS = { key: 128, model: 256, provider: 64, owner: 128, by: 16, metric: 16 };

const isoDay = (at) => new Date(at).toISOString().slice(0, 10);

/** Return { from, to } as days, for a query of the address. */
export function span({ days, from, to }, now = Date.now()) {
  if (days === "between") return { from: from || undefined, to: to || undefined };
  return { from: isoDay(now - ((Number(days) || 30) - 1) * DAY), to: isoDay(now) };
}

const MAX_DAYS = 400; // the API's limit

/** Return an error message for an invalid period, or an empty string. */
export function periodError({ days, from, to }) {
  if (days !== "between" || !from || !to) return "";
  if (from > to) return "The end is before the start.";
  return (Date.parse(to) - Date.parse(from)) / DAY >= MAX_DAYS ? `Choose at most ${MAX_DAYS} days.` : "";
}

/** Return the address's query without unknown or invalid parameters. */
export const validQuery = (query) => Object.fromEntries(Object.entries(query).filter(([name, value]) => {
  if (name === "days") return PERIODS.some(([id]) => id === value);
  if (name === "from" || name === "to") return /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value));
  return Boolean(value) && value.length <= (MAX_LENGTHS[name] ?? 0);
}));

/** Return every day from the first to the last, inclusive. */
export function calendar(first, last) {
  const days = [];
  for (let at = Date.parse(first); at <= Date.parse(last); at += DAY) days.push(isoDay(at));
  return days;
}

const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });

/** Nov 22 */
export const label = (day) => short.format(new Date(day));
