// Whether the gateway answers at all, as every request finds it.

const SILENT = new Set([502, 503, 504]);
const watchers = new Set();
let answering = true;

/** Whether the last request that ended was answered by the gateway. */
export const reached = () => answering;

/** Call back with a bool at every change; returns what ends that. */
export function watch(changed) {
  watchers.add(changed);
  return () => watchers.delete(changed);
}

/** Whether an error may pass by itself: no answer came, or one that says that somebody was not there. */
export const passing = (error) => error?.status === 0 || SILENT.has(error?.status);

/** Take note of a request's end: its error, or nothing. The gateway's own words for a provider's failure are an answer. */
export function heard(error = null) {
  const now = !(passing(error) && ["offline", "unreadable"].includes(error.code));
  if (now === answering) return;
  answering = now;
  for (const changed of watchers) changed(now);
}
