// The notice at the bottom of every view while the browser is offline or the gateway is unreachable.

import { html, useEffect, useState } from "./ui/html.js";
import { useAutoRetry } from "./ui/auto-retry.js";
import { send } from "./api.js";
import { isReachable, watch } from "./connectivity.js";

const OFFLINE = "You are offline. Data may be out of date.";
const UNREACHABLE = "No connection to the gateway. Data may be out of date.";

/** OfflineNotice: no props. */
export function OfflineNotice() {
  const online = useOnline();
  const [reachable, setReachable] = useState(isReachable());
  const [error, setError] = useState(null);
  useEffect(() => {
    const changed = (now) => {
      setReachable(now);
      setError(now ? null : { status: 0 });
    };
    changed(isReachable()); // the state may have changed since the first render
    return watch(changed);
  }, []);
  useAutoRetry(error, () => send("health").then(() => setError(null), setError)); // in case no other request on the page is retried
  const message = !online ? OFFLINE : reachable ? "" : UNREACHABLE;
  return html`<p class=${message ? "offline" : "offline invisible"} role="status">${message}</p>`;
}

function useOnline() {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const changed = () => setOnline(navigator.onLine);
    addEventListener("online", changed);
    addEventListener("offline", changed);
    return () => {
      removeEventListener("online", changed);
      removeEventListener("offline", changed);
    };
  }, []);
  return online;
}
