// What components remember: a request's state, the width of an element.

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { aborted } from "../api.js";
import { useComeback } from "./comeback.js";

/**
 * Ask again whenever `inputs` change: { data, error, loading, retry, set }. `ask(signal)` returns a promise. What was
 * there stays until the next answer, so that nothing jumps; `every` seconds it is asked anew while the page is seen,
 * and after an error that may pass, as when the gateway is away, until there is an answer.
 */
export function useAsked(ask, inputs = [], { every = 0 } = {}) {
  const [state, become] = useState({ data: null, error: null, loading: true });
  const [turn, again] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    become((held) => ({ ...held, loading: true }));
    Promise.resolve()
      .then(() => ask(stop.signal))
      .then((data) => !stop.signal.aborted && become({ data, error: null, loading: false }))
      .catch((error) => !aborted(error) && !stop.signal.aborted && become((held) => ({ ...held, error, loading: false })));
    return () => stop.abort();
  }, [...inputs, turn]);
  useEffect(() => {
    if (!every) return undefined;
    const timer = setInterval(() => document.visibilityState === "visible" && again((held) => held + 1), every * 1000);
    return () => clearInterval(timer);
  }, [every]);
  const retry = useCallback(() => again((held) => held + 1), []);
  useComeback(state.error, retry);
  const set = useCallback((data) => become({ data, error: null, loading: false }), []);
  return { ...state, retry, set };
}

/** [ref, width in pixels]: of an element, before it is first painted and as it changes. */
export function useWidth(first = 640) {
  const ref = useRef(null);
  const [width, become] = useState(first);
  useLayoutEffect(() => {
    const take = (pixels) => become(Math.max(1, Math.round(pixels)));
    take(ref.current.clientWidth);
    const seen = new ResizeObserver(([entry]) => take(entry.contentRect.width));
    seen.observe(ref.current);
    return () => seen.disconnect();
  }, []);
  return [ref, width];
}
