// What the pages of keys and of balances read: every key, with its marks and the limits that it is refused for.

const PAGES = 50; // of a hundred keys
const ALERTS = 5; // pages of two hundred refusals

/**
 * Every key: { keys, more, marks }; `more` where there are too many to look at, `marks` the gateway's. Each key has its
 * own `marks` or those, and `refused`: limits of which so little was left that somebody was turned away.
 */
export async function everyKey(api, signal) {
  const [[keys, more], [alerts], { alert_marks: marks }] = await Promise.all([
    paged(api, "admin/keys", { limit: 100 }, PAGES, signal),
    paged(api, "admin/alerts", { limit: 200, refused: true }, ALERTS, signal),
    api.get("admin/limits", { signal }),
  ]);
  const today = new Date().toISOString();
  const standing = (key) => ({ ...key, marks: key.alert_marks ?? marks, refused: refusals(key, alerts, today) });
  return { keys: keys.map(standing), more, marks };
}

async function paged(api, path, query, pages, signal) {
  const rows = [];
  let cursor = null;
  for (let page = 0; page < pages; page += 1) {
    const answer = await api.get(path, { signal, query: { ...query, cursor } });
    rows.push(...answer.data);
    cursor = answer.next_cursor;
    if (!cursor) break;
  }
  return [rows, Boolean(cursor)];
}

/** A refusal is over where the limit is another one now, or the day or month is. */
const refusals = (key, alerts, today) => [...new Set(alerts
  .filter((each) => each.level === "key" && each.name === key.id && Number(each.most) === LIMIT[each.limit]?.(key)
    && (!["day", "month"].includes(each.limit) || today.startsWith(each.period)))
  .map((each) => each.limit))];

const LIMIT = {
  tokens: (key) => key.token_quota, credits: (key) => key.credits_usd,
  day: (key) => key.budget_day_usd, month: (key) => key.budget_month_usd,
};
