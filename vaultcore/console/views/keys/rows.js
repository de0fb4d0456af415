// Derived data of virtual keys for lists: usage of limits, low balances, and totals.

import { format } from "../../ui/index.js";

/** Names of the quota, credit and budget limits, for use in a sentence. */
export const LIMIT_NAMES = { tokens: "token quota", credits: "credits", day: "daily budget (UTC)", month: "monthly budget (UTC)" };

/** What happens to inputs whose tokens are unknown before a request; the first is the default. */
export const UNBOUNDED_INPUTS = { reserve_max: "reserve the model's maximum", allow: "reserve an estimate", deny: "reject" };

/** Return the quota, credit and budget limits of a key, an owner or the gateway: [{ id, name, used, most, text, unit }]. */
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

/** Return the used share of a limit: 0 unused, 1 or more used up. */
export const share = (meter) => (meter.most > 0 ? meter.used / meter.most : 1);

/** Return the limit with the highest used share, or null. */
export const tightestLimit = (row) => meters(row).sort((a, b) => share(b) - share(a))[0] ?? null;

/** Return the remaining share of a key's tightest limit, from 0 to 1. */
export const remainingShare = (row) => Math.max(0, 1 - share(tightestLimit(row)));

/** Return "97%". Only an unused limit is 100%, and only a used-up one 0%. */
export function remainingText(row) {
  const value = remainingShare(row);
  const rounded = Math.min(value < 1 ? 0.99 : 1, Math.floor(value * 100 + 1e-9) / 100); // 0.29 * 100 is slightly less than 29
  return value > 0 && rounded === 0 ? `< ${format.percent(0.01)}` : format.percent(rounded);
}

const isActive = (key) => key.state === "active";

/** Return true if a limit is used up, or requests were rejected because of one. */
export const isUsedUp = (key) => isActive(key) && (key.refused.length > 0 || meters(key).some((meter) => share(meter) >= 1));

/** Return true if a limit is above the key's first threshold, or used up. */
export const isRunningLow = (key) => isUsedUp(key) || (isActive(key) && meters(key).some((meter) => share(meter) * 100 >= Math.min(...key.thresholds)));

/** Return "60/min, 10K tokens/min, 4 concurrent" or "no limit". */
export function rateText(row) {
  const parts = [
    row.rate_limit_rpm && `${format.number(row.rate_limit_rpm)}/min`,
    row.rate_limit_tpm && `${format.compact(row.rate_limit_tpm)} tokens/min`,
    row.max_parallel && `${format.number(row.max_parallel)} concurrent`,
  ].filter(Boolean);
  return parts.join(", ") || "no limit";
}

const countText = (list, one, many) => list && `${format.number(list.length)} ${list.length === 1 ? one : many}`;

/** Return "2 models, 1 network" or "none". */
export const restrictionText = (row) =>
  [countText(row.allowed_models, "model", "models"), countText(row.allowed_ips, "network", "networks")].filter(Boolean).join(", ") || "none";

/** Return the keys that match a filter { q, state }. */
export function filterKeys(keys, { q = "", state = "" }) {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const text = (key) => [key.name, key.owner, key.id, key.masked, ...Object.values(key.metadata)].join(" ").toLowerCase();
  return keys.filter((key) => (!state || key.state === state) && words.every((word) => text(key).includes(word)));
}

/** Return totals over keys. */
export function totals(keys) {
  const sum = (pick) => keys.reduce((total, key) => total + pick(key), 0);
  return {
    active: keys.filter(isActive).length,
    requests: sum((key) => key.usage.requests),
    tokens: sum((key) => key.usage.total_tokens),
    cost: sum((key) => key.usage.cost_usd),
    low: keys.filter(isRunningLow).length,
  };
}
