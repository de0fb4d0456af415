// The days that sums are of: whole days in UTC, as the gateway keeps them.

const DAY = 86_400_000;

/** How many days, as the address has it, with its name. */
export const PERIODS = [["7", "Last 7 days"], ["", "Last 30 days"], ["90", "Last 90 days"], ["365", "Last 365 days"], ["between", "Between …"]];

const LONGEST = { key: 128, model: 256, provider: 64, owner: 128, by: 16, metric: 16 };

const named = (at) => new Date(at).toISOString().slice(0, 10);

/** { from, to } as days, of what an address says. */
export function span({ days, from, to }, now = Date.now()) {
  if (days === "between") return { from: from || undefined, to: to || undefined };
  return { from: named(now - ((Number(days) || 30) - 1) * DAY), to: named(now) };
}

const MOST = 400; // days that are kept

/** What is wrong with the days that were chosen, in words; empty where nothing is. */
export function amiss({ days, from, to }) {
  if (days !== "between" || !from || !to) return "";
  if (from > to) return "This is before the first day.";
  return (Date.parse(to) - Date.parse(from)) / DAY >= MOST ? `At most ${MOST} days can be shown.` : "";
}

/** What of an address is about usage; what means nothing there is dropped. */
export const meaningful = (query) => Object.fromEntries(Object.entries(query).filter(([name, value]) => {
  if (name === "days") return PERIODS.some(([id]) => id === value);
  if (name === "from" || name === "to") return /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value));
  return Boolean(value) && value.length <= (LONGEST[name] ?? 0);
}));

/** Every day from one to another, both included. */
export function calendar(first, last) {
  const days = [];
  for (let at = Date.parse(first); at <= Date.parse(last); at += DAY) days.push(named(at));
  return days;
}

const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });

/** Nov 22 */
export const label = (day) => short.format(new Date(day));
