// Ids that link labels to fields. A separate file, because the other hooks import the API client.

import { useRef } from "./html.js";

let last = 0;

/** Return an id that is unique among components. */
export function useUid() {
  const ref = useRef(null);
  ref.current ??= `u${(last += 1)}`;
  return ref.current;
}
