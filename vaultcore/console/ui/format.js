// Numbers, money and times as people read them: in the viewer's language and zone.

const NONE = "–";
const known = (value) => value !== null && value !== undefined && value !== "" && Number.isFinite(Number(value));
const numbers = new Intl.NumberFormat();
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const times = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const days = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const days_utc = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
const spans = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const sums = []; // formats of money by digits: making one takes longer than a row of a table may
const STEPS = [["second", 60], ["minute", 60], ["hour", 24], ["day", 30], ["month", 12], ["year", Infinity]];

/** 1,234,567 */
export const number = (value) => (known(value) ? numbers.format(value) : NONE);

/** 1.2M */
export const compact = (value) => (known(value) ? short.format(value) : NONE);

/** $1,234.50; small sums with as many digits as they need, up to nine. */
export function money(dollars) {
  if (!known(dollars)) return NONE;
  const value = Number(dollars);
  const small = value !== 0 && Math.abs(value) < 1;
  const digits = small ? Math.min(9, Math.max(2, 2 - Math.floor(Math.log10(Math.abs(value))))) : 2;
  sums[digits] ??= new Intl.NumberFormat(undefined, {
    style: "currency", currency: "USD", currencyDisplay: "narrowSymbol",
    minimumFractionDigits: 2, maximumFractionDigits: digits,
  });
  return sums[digits].format(value);
}

/** $0.000019: where there is room for two digits only; `money` says all of it. */
export function brief(dollars) {
  const value = Number(dollars);
  if (!known(dollars) || value === 0 || Math.abs(value) >= 1) return money(dollars);
  const power = 10 ** (1 - Math.floor(Math.log10(Math.abs(value))));
  return money(Math.round(value * power) / power);
}

/** 42 % */
export const percent = (share, digits = 0) =>
  known(share) ? new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: digits }).format(share) : NONE;

/** 840 ms, 3.2 s, 4 min 10 s */
export function duration(ms) {
  if (!known(ms)) return NONE;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** A moment, from ISO 8601, a Date or seconds since 1970, or null. */
export function moment(value) {
  if (value === null || value === undefined || value === "") return null;
  const found = new Date(typeof value === "number" ? value * 1000 : value);
  return Number.isNaN(found.getTime()) ? null : found;
}

/** Day and time in the viewer's zone. */
export const time = (value) => (moment(value) ? times.format(moment(value)) : NONE);

/** The day in the viewer's zone; of "2026-11-22" that day itself, as sums by day are in UTC. */
export function day(value) {
  const found = moment(value);
  if (!found) return NONE;
  return (/^\d{4}-\d\d-\d\d$/.test(value) ? days_utc : days).format(found);
}

/** in 3 hours, 2 days ago */
export function relative(value, now = Date.now()) {
  const found = moment(value);
  if (!found) return NONE;
  let left = (found.getTime() - now) / 1000;
  for (const [unit, next] of STEPS) {
    if (Math.abs(left) < next) return spans.format(Math.round(left), unit);
    left /= next;
  }
  return NONE;
}
