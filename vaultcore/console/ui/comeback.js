// Asking again by itself after an error that may pass, until there is an answer.

import { useEffect, useRef } from "./html.js";
import { passing, watch } from "../reach.js";

const LONGEST = 30; // seconds

/**
 * While `error` is one that may pass, call `retry` after 2, 4, 8 … 30 seconds, and as soon as the browser is online, the
 * page is looked at again, or somebody else was answered. A page that is not seen waits until it is.
 */
export function useComeback(error, retry) {
  const times = useRef(0);
  const latest = useRef(retry);
  latest.current = retry;
  useEffect(() => {
    if (!passing(error)) {
      times.current = 0;
      return undefined;
    }
    const again = () => document.visibilityState === "visible" && latest.current();
    times.current += 1;
    const timer = setTimeout(again, Math.min(LONGEST, 2 ** times.current) * 1_000);
    addEventListener("online", again);
    document.addEventListener("visibilitychange", again);
    const leave = watch((answered) => answered && again());
    return () => {
      clearTimeout(timer);
      removeEventListener("online", again);
      document.removeEventListener("visibilitychange", again);
      leave();
    };
  }, [error]);
}
