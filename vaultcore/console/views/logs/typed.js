// Text that is typed into filters: it counts once the typing pauses, together with whatever was chosen meanwhile.

import { useEffect, useRef, useState } from "../../ui/index.js";

const WAIT = 350; // ms after the last letter

/**
 * { text(name), type(name), change(more), clear(), some } for fields { name: { shown(value), meant(text) } }, which say how
 * a text stands in the query. Whatever is changed goes to onChange with what was typed until then.
 */
export function useTyped(query, fields, onChange) {
  const [drafts, draft] = useState({});
  const before = useRef(query);
  const value = (name) => query[name] ?? "";
  const meant = Object.fromEntries(Object.entries(drafts).map(([name, text]) => [name, fields[name].meant(text.trim())]));
  const change = (more) => onChange({ ...query, ...meant, ...more });
  const said = JSON.stringify(query);
  useEffect(() => {
    // what somebody else has changed, as a link does, takes the place of what was typed there
    const held = (name) => (before.current[name] ?? "") === value(name) || meant[name] === value(name);
    draft((all) => Object.fromEntries(Object.entries(all).filter(([name]) => held(name))));
    before.current = query;
  }, [said]);
  useEffect(() => {
    if (Object.keys(meant).every((name) => meant[name] === value(name))) return undefined;
    const timer = setTimeout(() => change({}), WAIT);
    return () => clearTimeout(timer);
  }, [drafts, said]);
  const clear = () => {
    draft({});
    onChange({});
  };
  return {
    text: (name) => drafts[name] ?? fields[name].shown(value(name)),
    type: (name) => (text) => draft((all) => ({ ...all, [name]: text })),
    change, clear, some: [query, drafts].some((each) => Object.values(each).some(Boolean)),
  };
}
