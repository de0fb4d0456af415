// The rows of the log: newest first, older rows on demand, new rows by polling.

import { useCallback, useEffect, useRef, useState } from "../../ui/index.js";
import { useAutoRetry } from "../../ui/auto-retry.js";
import { isAbort } from "../../api.js";

const PAGE = 250; // rows of the newest page
const OLDER_PAGE = 1_000; // rows of an older page
const MAX_ROWS = 20_000; // loaded rows; filters find older ones
const MAX_CALLS = 4; // requests per load, because a page may be empty without being the last
const MAX_EMPTY_CALLS = 12; // requests per load while nothing is found; they scan about MAX_ROWS rows
const POLL_INTERVAL = 3_000; // milliseconds
const INITIAL = { rows: null, of: null, cursor: null, waiting: [], error: null, busy: true }; // `of`: the filters of the rows, as JSON

/**
 * Return { rows, cursor, error, busy, waiting, older(), show(), retry() } for `filters` (null: no rows). The previous rows
 * stay until the response for new filters, and are removed if it fails. While `live`, new rows are added at the top; if
 * `isScrolled()` returns true they are collected in `waiting` until show().
 */
export function useFeed(api, filters, { live, isScrolled }) {
  const [state, setState] = useState(INITIAL);
  const [attempt, setAttempt] = useState(0);
  const loadingOlder = useRef(null); // the AbortController of the request for older rows
  const latest = useRef(state);
  latest.current = state;
  const filterKey = JSON.stringify(filters);

  useEffect(() => {
    const stop = new AbortController();
    loadingOlder.current?.abort();
    loadingOlder.current = null;
    if (!filters) return setState({ ...INITIAL, rows: [], of: filterKey, busy: false });
    setState((previous) => ({ ...previous, busy: true }));
    loadRows(api, filters, null, PAGE, stop.signal)
      .then((page) => !stop.signal.aborted && setState({ ...INITIAL, ...page, of: filterKey, busy: false }))
      .catch((error) => !isAbort(error) && setState((previous) => ({ ...(previous.of === filterKey ? previous : INITIAL), error, busy: false })));
    return () => stop.abort();
  }, [filterKey, attempt]);

  useEffect(() => {
    if (!live || !filters) return undefined;
    const stop = new AbortController();
    const poll = async () => {
      if (document.visibilityState !== "visible" || !latest.current.rows || latest.current.busy) return;
      const page = await api.get("admin/logs", { signal: stop.signal, query: { ...filters, limit: PAGE } });
      if (!stop.signal.aborted) setState((previous) => mergeNewest(previous, page, isScrolled()));
    };
    const fail = (error) => !isAbort(error) && setState((previous) => ({ ...previous, error }));
    const timer = setInterval(() => poll().catch(fail), POLL_INTERVAL);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [filterKey, live, attempt]);

  useEffect(() => () => loadingOlder.current?.abort(), []);

  const older = useCallback(() => {
    const { rows, cursor, busy } = latest.current;
    if (!cursor || busy || loadingOlder.current || rows.length >= MAX_ROWS) return;
    const stop = new AbortController();
    loadingOlder.current = stop;
    setState((previous) => ({ ...previous, busy: true }));
    loadRows(api, filters, cursor, OLDER_PAGE, stop.signal)
      .then((page) => !stop.signal.aborted && setState((previous) => ({ ...previous, rows: [...previous.rows, ...excludeKnown(page.rows, previous.rows)], cursor: page.cursor, error: null, busy: false })))
      .catch((error) => !isAbort(error) && setState((previous) => ({ ...previous, error, busy: false })))
      .finally(() => loadingOlder.current === stop && (loadingOlder.current = null));
  }, [filterKey]);
  const retry = useCallback(() => setAttempt((previous) => previous + 1), []);
  useAutoRetry(state.rows === null ? state.error : null, retry); // loaded rows are not replaced while the user reads them
  const show = useCallback(() => {
    if (latest.current.waiting.length >= PAGE) retry(); // there may be more new rows than one page: reload
    else setState((previous) => ({ ...previous, rows: newestFirst([...previous.waiting, ...previous.rows]), waiting: [] }));
  }, []);
  const isStale = state.of !== filterKey && !state.error; // the rows belong to the previous filters
  return { ...state, busy: state.busy || isStale, full: (state.rows?.length ?? 0) >= MAX_ROWS, older, show, retry };
}

async function loadRows(api, filters, cursor, limit, signal) {
  const rows = [];
  for (let call = 0; call < (rows.length ? MAX_CALLS : MAX_EMPTY_CALLS); call += 1) {
    const page = await api.get("admin/logs", { signal, query: { ...filters, limit, cursor } });
    rows.push(...page.data);
    cursor = page.next_cursor;
    if (!cursor || rows.length >= limit / 2) break;
  }
  return { rows, cursor };
}

/** Merge a newer first page into the state. If they do not overlap, rows are missing in between: start over. */
function mergeNewest(state, page, isScrolled) {
  const known = [...state.waiting, ...state.rows];
  const newRows = excludeKnown(page.data, known);
  if (!newRows.length) return state.error ? { ...state, error: null } : state;
  if (newRows.length === PAGE && state.rows.length && !isScrolled) return { ...state, rows: page.data, cursor: page.next_cursor, waiting: [], error: null };
  if (isScrolled) return { ...state, waiting: [...newRows, ...state.waiting], error: null };
  return { ...state, rows: newestFirst([...newRows, ...known]), waiting: [], error: null };
}

/** Sort rows by time. A process writes refused requests up to ten seconds late. */
const newestFirst = (rows) => rows.sort((a, b) => (a.ended_at < b.ended_at) - (a.ended_at > b.ended_at));

function excludeKnown(rows, existing) {
  const known = new Set(existing.map((row) => row.id));
  return rows.filter((row) => !known.has(row.id));
}
