// Leaving a page of the console over something that would be lost: by a link, the address bar, back or forward.

import { useEffect, useRef, confirm } from "./parts.js";
import { here, watch } from "../../router.js";

/** Ask before another page is shown while `needed`; the question is what `confirm` takes. */
export function useLeaving(needed, question) {
  const asking = useRef(false);
  useEffect(() => {
    if (!needed) return undefined;
    const mine = location.hash;
    const { name } = here();
    const moved = async (event) => {
      const wanted = location.hash;
      if (here().name === name) return;
      event.stopImmediatePropagation(); // whoever shows pages does not hear of it
      history.pushState(null, "", mine);
      if (asking.current) return;
      asking.current = true;
      const sure = await confirm(question);
      asking.current = false;
      if (!sure) return;
      end();
      location.hash = wanted;
    };
    const end = watch(moved);
    return end;
  }, [needed]);
}
