// Loads all keys with their alert thresholds and the limits for which requests were rejected.

const MAX_KEY_PAGES = 50; // of 100 keys
const MAX_ALERT_PAGES = 5; // of 200 alerts

/**
 * Return { keys, more, thresholds }: `more` is true if the list is incomplete, `thresholds` are the gateway's. Each key has
 * `thresholds`, its own or the gateway's, and `refused`, the limits for which a request was rejected.
 */
export async function loadKeys(api, signal) {
  const [[keys, more], [alerts], { alert_marks: thresholds }] = await Promise.all([
    loadPages(api, "admin/keys", { limit: 100 }, MAX_KEY_PAGES, signal),
    loadPages(api, "admin/alerts", { limit: 200, refused: true }, MAX_ALERT_PAGES, signal),
    api.get("admin/limits", { signal }),
  ]);
  const today = new Date().toISOString();
  const withState = (key) => ({ ...key, thresholds: key.alert_marks ?? thresholds, refused: rejectedLimits(key, alerts, today) });
  return { keys: keys.map(withState), more, thresholds };
}

async function loadPages(api, path, query, pages, signal) {
  const rows = [];
  let cursor = null;
  for (let page = 0; page < pages; page += 1) {
    const response = await api.get(path, { signal, query: { ...query, cursor } });
    rows.push(...response.data);
    cursor = response.next_cursor;
    if (!cursor) break;
  }
  return [rows, Boolean(cursor)];
}

/** Return the limits with a rejection in the current period and at the current limit value. */
const rejectedLimits = (key, alerts, today) => [...new Set(alerts
  .filter((each) => each.level === "key" && each.name === key.id && Number(each.most) === LIMIT[each.limit]?.(key)
    && (!["day", "month"].includes(each.limit) || today.startsWith(each.period)))
  .map((each) => each.limit))];

const LIMIT = {
  tokens: (key) => key.token_quota, credits: (key) => key.credits_usd,
  day: (key) => key.budget_day_usd, month: (key) => key.budget_month_usd,
};
