// Asks before leaving a page with unsaved data, by a link, the address bar, back or forward.

import { useEffect, useRef, confirm } from "./components.js";
import { currentPlace, addGuard } from "../../router.js";

/** While `needed`, ask before another page is shown; `question` is the argument of `confirm`. */
export function useLeaveGuard(needed, question) {
  const isAsking = useRef(false);
  useEffect(() => {
    if (!needed) return undefined;
    const mine = location.hash;
    const { name } = currentPlace();
    const handleChange = async (event) => {
      const target = location.hash;
      if (currentPlace().name === name) return;
      event.stopImmediatePropagation(); // the application must not see the change
      history.pushState(null, "", mine);
      if (isAsking.current) return;
      isAsking.current = true;
      const confirmed = await confirm(question);
      isAsking.current = false;
      if (!confirmed) return;
      removeGuard();
      location.hash = target;
    };
    const removeGuard = addGuard(handleChange);
    return removeGuard;
  }, [needed]);
}
