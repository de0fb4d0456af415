// The line at the foot of all views while nothing can be asked: the browser is offline, or the gateway does not answer.

import { html, useEffect, useState } from "./ui/html.js";
import { useComeback } from "./ui/comeback.js";
import { send } from "./api.js";
import { reached, watch } from "./reach.js";

const OFFLINE = "You are offline. What is shown may be old.";
const SILENT = "The gateway does not answer. What is shown may be old.";

/** Standing: no props. */
export function Standing() {
  const online = useOnline();
  const [answering, become] = useState(reached());
  const [error, fail] = useState(null);
  useEffect(() => {
    const changed = (now) => {
      become(now);
      fail(now ? null : { status: 0 });
    };
    changed(reached()); // it may have changed since it was drawn
    return watch(changed);
  }, []);
  useComeback(error, () => send("health").then(() => fail(null), fail)); // where nothing else on the page asks
  const said = !online ? OFFLINE : answering ? "" : SILENT;
  return html`<p class=${said ? "offline" : "offline unseen"} role="status">${said}</p>`;
}

function useOnline() {
  const [online, become] = useState(navigator.onLine);
  useEffect(() => {
    const changed = () => become(navigator.onLine);
    addEventListener("online", changed);
    addEventListener("offline", changed);
    return () => {
      removeEventListener("online", changed);
      removeEventListener("offline", changed);
    };
  }, []);
  return online;
}
