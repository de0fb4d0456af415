// Formats numbers, money and times in the viewer's language and time zone.

const NONE = "–";
const isNumber = (value) => value !== null && value !== undefined && value !== "" && Number.isFinite(Number(value));
const numbers = new Intl.NumberFormat();
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const times = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const days = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const utcDays = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
const spans = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const sums = []; // money formats by number of digits; creating one is too slow for every table row
const STEPS = [["second", 60], ["minute", 60], ["hour", 24], ["day", 30], ["month", 12], ["year", Infinity]];

/** 1,234,567 */
export const number = (value) => (isNumber(value) ? numbers.format(value) : NONE);

/** 1.2M */
export const compact = (value) => (isNumber(value) ? short.format(value) : NONE);

/** $1,234.50; amounts below $1 with as many digits as they need, up to nine. */
export function money(dollars) {
  if (!isNumber(dollars)) return NONE;
  const value = Number(dollars);
  const small = value !== 0 && Math.abs(value) < 1;
  const digits = small ? Math.min(9, Math.max(2, 2 - Math.floor(Math.log10(Math.abs(value))))) : 2;
  sums[digits] ??= new Intl.NumberFormat(undefined, {
    style: "currency", currency: "USD", currencyDisplay: "narrowSymbol",
    minimumFractionDigits: 2, maximumFractionDigits: digits,
  });
  return sums[digits].format(value);
}

/** $0.000019: two significant digits; `money` shows all of them. */
export function brief(dollars) {
  const value = Number(dollars);
  if (!isNumber(dollars) || value === 0 || Math.abs(value) >= 1) return money(dollars);
  const power = 10 ** (1 - Math.floor(Math.log10(Math.abs(value))));
  return money(Math.round(value * power) / power);
}

/** 42 % */
export const percent = (share, digits = 0) =>
  isNumber(share) ? new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: digits }).format(share) : NONE;

/** 840 ms, 3.2 s, 4 min 10 s */
export function duration(ms) {
  if (!isNumber(ms)) return NONE;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** Return a Date from ISO 8601, a Date or seconds since the epoch, or null. */
export function moment(value) {
  if (value === null || value === undefined || value === "") return null;
  const date = new Date(typeof value === "number" ? value * 1000 : value);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** Date and time in the viewer's time zone. */
export const time = (value) => (moment(value) ? times.format(moment(value)) : NONE);

/** The date in the viewer's time zone; "2026-11-22" stays that date, because daily totals are in UTC. */
export function day(value) {
  const date = moment(value);
  if (!date) return NONE;
  return (/^\d{4}-\d\d-\d\d$/.test(value) ? utcDays : days).format(date);
}

/** in 3 hours, 2 days ago */
export function relative(value, now = Date.now()) {
  const date = moment(value);
  if (!date) return NONE;
  let rest = (date.getTime() - now) / 1000;
  for (const [unit, next] of STEPS) {
    if (Math.abs(rest) < next) return spans.format(Math.round(rest), unit);
    rest /= next;
  }
  return NONE;
}
