// Tracks whether the gateway is reachable, from the outcome of every request.

const GATEWAY_STATUSES = new Set([502, 503, 504]);
const watchers = new Set();
let reachable = true;

/** Return true if the gateway answered the last finished request. */
export const isReachable = () => reachable;

/** Call `changed(bool)` on every change. Return a function that unsubscribes. */
export function watch(changed) {
  watchers.add(changed);
  return () => watchers.delete(changed);
}

/** Return true if an error may resolve by itself: no response, or a 502, 503 or 504. */
export const isTransient = (error) => error?.status === 0 || GATEWAY_STATUSES.has(error?.status);

/** Record a request's error, or null for success. The gateway's own JSON error for a failed provider counts as reachable. */
export function recordOutcome(error = null) {
  const now = !(isTransient(error) && ["offline", "unreadable"].includes(error.code));
  if (now === reachable) return;
  reachable = now;
  for (const changed of watchers) changed(now);
}
