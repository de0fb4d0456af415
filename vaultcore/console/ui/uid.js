// Ids that tie labels to fields; apart from the other hooks, which know of requests.

import { useRef } from "./html.js";

let last = 0;

/** An id that no other component has. */
export function useUid() {
  const ref = useRef(null);
  ref.current ??= `u${(last += 1)}`;
  return ref.current;
}
