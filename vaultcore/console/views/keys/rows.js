// Virtual keys as they are listed: all of them, what they have used of their limits, and their totals.

import { format } from "../../ui/index.js";

const PAGES = 50; // of a hundred keys

/** Every key, page by page: { keys, more }; `more` where there are too many to look at. */
export async function everyKey(api, signal) {
  const keys = [];
  let cursor = null;
  for (let page = 0; page < PAGES; page += 1) {
    const answer = await api.get("admin/keys", { signal, query: { limit: 100, cursor } });
    keys.push(...answer.data);
    cursor = answer.next_cursor;
    if (!cursor) break;
  }
  return { keys, more: Boolean(cursor) };
}

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
    money("day", "Today", row.spent_today_usd ?? 0, row.budget_day_usd),
    money("month", "This month", row.spent_this_month_usd ?? 0, row.budget_month_usd),
  ].filter(Boolean);
}

/** How much of a limit is used, from 0 on. */
export const share = (meter) => (meter.most > 0 ? meter.used / meter.most : 1);

/** The limit that will be reached first, or null. */
export const tightest = (row) => meters(row).sort((a, b) => share(b) - share(a))[0] ?? null;

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
    active: keys.filter((key) => key.state === "active").length,
    requests: sum((key) => key.usage.requests),
    tokens: sum((key) => key.usage.total_tokens),
    cost: sum((key) => key.usage.cost_usd),
    low: keys.filter((key) => key.state === "active" && meters(key).some((meter) => share(meter) >= 0.8)).length,
  };
}
