// Repeats a request after a transient error until it succeeds.

import { useEffect, useRef } from "./html.js";
import { isTransient, watch } from "../connectivity.js";

const MAX_DELAY = 30; // seconds

/**
 * While `error` is transient, call `retry` after 2, 4, 8 … 30 seconds, and as soon as the browser is online, the page
 * becomes visible, or another request succeeds. A hidden page waits until it is visible.
 */
export function useAutoRetry(error, retry) {
  const attempts = useRef(0);
  const latest = useRef(retry);
  latest.current = retry;
  useEffect(() => {
    if (!isTransient(error)) {
      attempts.current = 0;
      return undefined;
    }
    const retryIfVisible = () => document.visibilityState === "visible" && latest.current();
    attempts.current += 1;
    const timer = setTimeout(retryIfVisible, Math.min(MAX_DELAY, 2 ** attempts.current) * 1_000);
    addEventListener("online", retryIfVisible);
    document.addEventListener("visibilitychange", retryIfVisible);
    const unsubscribe = watch((reachable) => reachable && retryIfVisible());
    return () => {
      clearTimeout(timer);
      removeEventListener("online", retryIfVisible);
      document.removeEventListener("visibilitychange", retryIfVisible);
      unsubscribe();
    };
  }, [error]);
}
