// Hooks: the state of a request, the width of an element.

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { isAbort } from "../api.js";
import { useAutoRetry } from "./auto-retry.js";

/**
 * Call `load(signal)`, which returns a promise, whenever `inputs` change. Return { data, error, loading, retry, set }.
 * The previous data stays until the next response, to avoid layout shifts. While the page is visible, `load` is repeated
 * every `every` seconds, and after a transient error until it succeeds.
 */
export function useFetch(load, inputs = [], { every = 0 } = {}) {
  const [state, setState] = useState({ data: null, error: null, loading: true });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setState((previous) => ({ ...previous, loading: true }));
    Promise.resolve()
      .then(() => load(stop.signal))
      .then((data) => !stop.signal.aborted && setState({ data, error: null, loading: false }))
      .catch((error) => !isAbort(error) && !stop.signal.aborted && setState((previous) => ({ ...previous, error, loading: false })));
    return () => stop.abort();
  }, [...inputs, attempt]);
  useEffect(() => {
    if (!every) return undefined;
    const timer = setInterval(() => document.visibilityState === "visible" && setAttempt((previous) => previous + 1), every * 1000);
    return () => clearInterval(timer);
  }, [every]);
  const retry = useCallback(() => setAttempt((previous) => previous + 1), []);
  useAutoRetry(state.error, retry);
  const set = useCallback((data) => setState({ data, error: null, loading: false }), []);
  return { ...state, retry, set };
}

/** Return [ref, width in pixels] of an element, measured before the first paint and on every resize. */
export function useWidth(first = 640) {
  const ref = useRef(null);
  const [width, setWidth] = useState(first);
  useLayoutEffect(() => {
    const update = (pixels) => setWidth(Math.max(1, Math.round(pixels)));
    update(ref.current.clientWidth);
    const observer = new ResizeObserver(([entry]) => update(entry.contentRect.width));
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}
