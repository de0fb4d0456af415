// The days that sums are of: whole days in UTC, as the gateway keeps them.

const DAY = 86_400_000;

/** How many days, as the address has it, with its name. */
export const PERIODS = [["7", "Last 7 days"], ["", "Last 30 days"], ["90", "Last 90 days"], ["365", "Last 365 days"], ["between", "Between …"]];

const named = (at) => new Date(at).toISOString().slice(0, 10);

/** { from, to } as days, of what an address says. */
export function span({ days, from, to }, now = Date.now()) {
  if (days === "between") return { from: from || undefined, to: to || undefined };
  return { from: named(now - ((Number(days) || 30) - 1) * DAY), to: named(now) };
}

/** Every day from one to another, both included. */
export function calendar(first, last) {
  const days = [];
  for (let at = Date.parse(first); at <= Date.parse(last); at += DAY) days.push(named(at));
  return days;
}

const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });

/** Nov 22 */
export const label = (day) => short.format(new Date(day));
