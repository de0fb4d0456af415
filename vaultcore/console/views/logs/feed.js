// The rows of the log: newest first, older ones as they are asked for, new ones as they come.

import { useCallback, useEffect, useRef, useState } from "../../ui/index.js";
import { useComeback } from "../../ui/comeback.js";
import { aborted } from "../../api.js";

const PAGE = 250; // rows of the newest page
const OLDER = 1_000; // rows of a look further back
const MOST = 20_000; // rows that are held; what is older is found by filters
const CALLS = 4; // that one look makes, as a page may be empty and yet not be the last one
const SEARCHES = 12; // that it makes while it has found nothing: they look at about as many rows as are held
const EVERY = 3_000;
const NOTHING = { rows: null, of: null, cursor: null, waiting: [], error: null, busy: true }; // `of`: the query of the rows

/**
 * { rows, cursor, error, busy, waiting, older(), show(), retry() } of what `asked` names (a query, by value; null: nothing).
 * The rows of another query stay until there is an answer, and go where there is none. While `live`,
 * new rows are put on top, or held in `waiting` until show() where `still()` says that somebody is reading further down.
 */
export function useFeed(api, asked, { live, still }) {
  const [state, become] = useState(NOTHING);
  const [turn, again] = useState(0);
  const looking = useRef(null); // the AbortController of the look for older rows
  const now = useRef(state);
  now.current = state;
  const wanted = JSON.stringify(asked);

  useEffect(() => {
    const stop = new AbortController();
    looking.current?.abort();
    looking.current = null;
    if (!asked) return become({ ...NOTHING, rows: [], of: wanted, busy: false });
    become((held) => ({ ...held, busy: true }));
    look(api, asked, null, PAGE, stop.signal)
      .then((found) => !stop.signal.aborted && become({ ...NOTHING, ...found, of: wanted, busy: false }))
      .catch((error) => !aborted(error) && become((held) => ({ ...(held.of === wanted ? held : NOTHING), error, busy: false })));
    return () => stop.abort();
  }, [wanted, turn]);

  useEffect(() => {
    if (!live || !asked) return undefined;
    const stop = new AbortController();
    const ask = async () => {
      if (document.visibilityState !== "visible" || !now.current.rows || now.current.busy) return;
      const page = await api.get("admin/logs", { signal: stop.signal, query: { ...asked, limit: PAGE } });
      if (!stop.signal.aborted) become((held) => joined(held, page, still()));
    };
    const tell = (error) => !aborted(error) && become((held) => ({ ...held, error }));
    const timer = setInterval(() => ask().catch(tell), EVERY);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [wanted, live, turn]);

  useEffect(() => () => looking.current?.abort(), []);

  const older = useCallback(() => {
    const { rows, cursor, busy } = now.current;
    if (!cursor || busy || looking.current || rows.length >= MOST) return;
    const stop = new AbortController();
    looking.current = stop;
    become((held) => ({ ...held, busy: true }));
    look(api, asked, cursor, OLDER, stop.signal)
      .then((found) => !stop.signal.aborted && become((held) => ({ ...held, rows: [...held.rows, ...unknown(found.rows, held.rows)], cursor: found.cursor, error: null, busy: false })))
      .catch((error) => !aborted(error) && become((held) => ({ ...held, error, busy: false })))
      .finally(() => looking.current === stop && (looking.current = null));
  }, [wanted]);
  const retry = useCallback(() => again((held) => held + 1), []);
  useComeback(state.rows === null ? state.error : null, retry); // rows that are there are not taken from who reads them
  const show = useCallback(() => {
    if (now.current.waiting.length >= PAGE) retry(); // there may be more than a page held: begin anew
    else become((held) => ({ ...held, rows: [...held.waiting, ...held.rows], waiting: [] }));
  }, []);
  const behind = state.of !== wanted && !state.error; // the rows are still those of another query
  return { ...state, busy: state.busy || behind, full: (state.rows?.length ?? 0) >= MOST, older, show, retry };
}

async function look(api, asked, cursor, limit, signal) {
  const rows = [];
  for (let call = 0; call < (rows.length ? CALLS : SEARCHES); call += 1) {
    const page = await api.get("admin/logs", { signal, query: { ...asked, limit, cursor } });
    rows.push(...page.data);
    cursor = page.next_cursor;
    if (!cursor || rows.length >= limit / 2) break;
  }
  return { rows, cursor };
}

/** What is held with a newer first page. Where they do not meet, more came than a page holds: begin anew. */
function joined(held, page, reading) {
  const known = [...held.waiting, ...held.rows];
  const fresh = unknown(page.data, known);
  if (!fresh.length) return held.error ? { ...held, error: null } : held;
  if (fresh.length === PAGE && held.rows.length && !reading) return { ...held, rows: page.data, cursor: page.next_cursor, waiting: [], error: null };
  if (reading) return { ...held, waiting: [...fresh, ...held.waiting], error: null };
  return { ...held, rows: [...fresh, ...known], waiting: [], error: null };
}

function unknown(rows, held) {
  const known = new Set(held.map((row) => row.id));
  return rows.filter((row) => !known.has(row.id));
}
