// The names of limits, and the sentence about the limit that refused a request.

import { format } from "../../ui/index.js";

/** Limits of keys, owners and the gateway: [field, title, format of an amount]. */
export const LIMITS = [
  ["credits_usd", "Credits", format.money], ["token_quota", "Token quota", format.number],
  ["budget_day_usd", "Daily budget", format.money], ["budget_month_usd", "Monthly budget", format.money],
  ["rate_limit_rpm", "Requests per minute", format.number], ["rate_limit_tpm", "Tokens per minute", format.number],
  ["max_parallel", "Concurrent requests", format.number],
];

/** Return "Requests per minute of the key: 0 of 60 left, 1 needed". A key does not see the amounts of its owner and the gateway. */
export function refusalText({ level, limit, most, remaining, needed }) {
  const [, title, show] = LIMITS.find(([field]) => field === limit) ?? [limit, limit, format.number];
  const amounts = [
    most !== null && `${show(Math.max(0, remaining))} of ${show(most)} left`,
    needed !== null && `${show(needed)} needed`,
  ].filter(Boolean).join(", ");
  return `${title} of the ${level}${amounts && `: ${amounts}`}`;
}
