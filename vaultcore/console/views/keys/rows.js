// Virtual keys as they are listed: what they have used of their limits, which of them run low, and their totals.

import { format } from "../../ui/index.js";

/** The lasting limits, as sentences name them. */
export const LIMIT_NAMES = { tokens: "token quota", credits: "credits", day: "budget of the day (UTC)", month: "budget of the month (UTC)" };

/** The lasting limits of a key, an owner or the gateway: [{ id, name, used, most, text, unit }]. */
export function meters(row) {
  const money = (id, name, used, most) => most !== null && {
    id, name, used, most, unit: "", text: `${format.money(used)} of ${format.money(most)}`,
  };
  const tokens = row.token_quota !== null && {
    id: "tokens", name: "Tokens", used: row.usage.total_tokens, most: row.token_quota,
    unit: " tokens", text: `${format.number(row.usage.total_tokens)} of ${format.number(row.token_quota)}`,
  };
  return [
    money("credits", "Credits", row.credits_usd === null ? 0 : row.credits_usd - row.balance_usd, row.credits_usd),
    tokens,
    money("day", "Today (UTC)", row.spent_today_usd ?? 0, row.budget_day_usd),
    money("month", "This month (UTC)", row.spent_this_month_usd ?? 0, row.budget_month_usd),
  ].filter(Boolean);
}

/** How much of a limit is used, from 0 on. */
export const share = (meter) => (meter.most > 0 ? meter.used / meter.most : 1);

/** The limit that will be reached first, or null. */
export const tightest = (row) => meters(row).sort((a, b) => share(b) - share(a))[0] ?? null;

/** How much of its tightest limit a key has left, from 0 to 1. */
export const left = (row) => Math.max(0, 1 - share(tightest(row)));

/** "97%": 100% only where all is left, and 0% only where nothing is. */
export function leftText(row) {
  const part = left(row);
  const shown = Math.min(part < 1 ? 0.99 : 1, Math.floor(part * 100 + 1e-9) / 100); // 0.29 * 100 is a little less than 29
  return part > 0 && shown === 0 ? `< ${format.percent(0.01)}` : format.percent(shown);
}

const live = (key) => key.state === "active";

/** Whether a key has nothing left, or so little that it is refused. */
export const spent = (key) => live(key) && (key.refused.length > 0 || meters(key).some((meter) => share(meter) >= 1));

/** Whether a key has passed the first of its marks, or is refused. */
export const low = (key) => spent(key) || (live(key) && meters(key).some((meter) => share(meter) * 100 >= Math.min(...key.marks)));

/** "60 a minute, 10K tokens a minute, 4 at once", or "no limit". */
export function rates(row) {
  const said = [
    row.rate_limit_rpm && `${format.number(row.rate_limit_rpm)}/min`,
    row.rate_limit_tpm && `${format.compact(row.rate_limit_tpm)} tokens/min`,
    row.max_parallel && `${format.number(row.max_parallel)} at once`,
  ].filter(Boolean);
  return said.join(", ") || "no limit";
}

const counted = (list, one, many) => list && `${format.number(list.length)} ${list.length === 1 ? one : many}`;

/** "2 models, 1 network", or "none". */
export const restrictions = (row) =>
  [counted(row.allowed_models, "model", "models"), counted(row.allowed_ips, "network", "networks")].filter(Boolean).join(", ") || "none";

/** The keys that a filter { q, state } leaves. */
export function filtered(keys, { q = "", state = "" }) {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const text = (key) => [key.name, key.owner, key.id, key.masked, ...Object.values(key.metadata)].join(" ").toLowerCase();
  return keys.filter((key) => (!state || key.state === state) && words.every((word) => text(key).includes(word)));
}

/** Sums over keys. */
export function totals(keys) {
  const sum = (pick) => keys.reduce((held, key) => held + pick(key), 0);
  return {
    active: keys.filter(live).length,
    requests: sum((key) => key.usage.requests),
    tokens: sum((key) => key.usage.total_tokens),
    cost: sum((key) => key.usage.cost_usd),
    low: keys.filter(low).length,
  };
}
