// Debounced text filters: a text is applied once typing pauses, together with other filters changed meanwhile.

import { useEffect, useRef, useState } from "../../ui/index.js";

const DELAY = 350; // milliseconds after the last key press

/**
 * Return { text(name), type(name), change(more), clear(), some } for fields { name: { toText(value), toValue(text) } }, which
 * convert between a text and its value in the query. onChange gets every change together with the texts typed so far.
 */
export function useFilterText(query, fields, onChange) {
  const [drafts, setDrafts] = useState({});
  const before = useRef(query);
  const value = (name) => query[name] ?? "";
  const values = Object.fromEntries(Object.entries(drafts).map(([name, text]) => [name, fields[name].toValue(text.trim())]));
  const change = (more) => onChange({ ...query, ...values, ...more });
  const queryKey = JSON.stringify(query);
  useEffect(() => {
    // a change from outside, like a link, replaces the typed text
    const isUnchanged = (name) => (before.current[name] ?? "") === value(name) || values[name] === value(name);
    setDrafts((all) => Object.fromEntries(Object.entries(all).filter(([name]) => isUnchanged(name))));
    before.current = query;
  }, [queryKey]);
  useEffect(() => {
    if (Object.keys(values).every((name) => values[name] === value(name))) return undefined;
    const timer = setTimeout(() => change({}), DELAY);
    return () => clearTimeout(timer);
  }, [drafts, queryKey]);
  const clear = () => {
    setDrafts({});
    onChange({});
  };
  return {
    text: (name) => drafts[name] ?? fields[name].toText(value(name)),
    type: (name) => (text) => setDrafts((all) => ({ ...all, [name]: text })),
    change, clear, some: [query, drafts].some((each) => Object.values(each).some(Boolean)),
  };
}
