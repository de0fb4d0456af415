// A key as people type it: texts, which become what the admin API takes, and only what was changed.

import { typed } from "../balance/marks.js";
import { amount, unmistakable, whole } from "./numbers.js";

const LISTS = ["allowed_models", "allowed_ips"];
const WHOLE = ["rate_limit_rpm", "rate_limit_tpm", "max_parallel", "token_quota"];
const NONE = "none"; // no alerts at all, where nothing means the gateway's marks
const MONEY = ["credits_usd", "budget_day_usd", "budget_month_usd"];

/** What of a key can be limited, and what an owner and the gateway can be limited to. */
export const LIMITS = [...WHOLE, ...MONEY];

/** What a form for a new key begins with. */
export const BLANK = { name: "", owner: "", allowed_models: "", allowed_ips: "", expires_at: "", metadata: "", alert_marks: "",
  ...Object.fromEntries(LIMITS.map((name) => [name, ""])), rate_limit_rpm: "60" };

/** A key's texts. Money is written out: 0.0000126, where JavaScript says 1.26e-5. */
export function draft(key) {
  const written = (value) => unmistakable(value.toFixed(9).replace(/\.?0+$/, ""));
  return {
    name: key.name ?? "", owner: key.owner ?? "", expires_at: local(key.expires_at),
    alert_marks: !key.alert_marks ? "" : key.alert_marks.join(", ") || NONE,
    metadata: Object.entries(key.metadata ?? {}).map(([name, value]) => `${name}=${value}`).join("\n"),
    ...Object.fromEntries(LISTS.map((name) => [name, (key[name] ?? []).join("\n")])),
    ...Object.fromEntries(WHOLE.map((name) => [name, key[name] === null ? "" : String(key[name])])),
    ...Object.fromEntries(MONEY.map((name) => [name, key[name] === null ? "" : written(key[name])])),
  };
}

/** What a draft says, as { body, errors }: only the fields that differ from `before`. */
export function read(now, before) {
  const body = {};
  const errors = {};
  for (const name of Object.keys(now).filter((each) => now[each].trim() !== before[each].trim())) {
    const [value, error] = reading(name, now[name].trim());
    if (error) errors[name] = error;
    else body[name] = value;
  }
  return { body, errors };
}

function reading(name, text) {
  if (LISTS.includes(name)) return [lines(text, /[\n,]/)];
  if (name === "metadata") return pairs(text);
  if (name === "name") return text ? [text] : [null, "A key needs a name."];
  if (!text) return [null];
  if (WHOLE.includes(name)) return whole(text);
  if (MONEY.includes(name)) return amount(text);
  if (name === "alert_marks") return text.toLowerCase() === NONE ? [[], null] : typed(text);
  if (name === "expires_at") return [new Date(text).toISOString()];
  return [text];
}

function lines(text, by) {
  const found = text.split(by).map((each) => each.trim()).filter(Boolean);
  return found.length ? found : null;
}

function pairs(text) {
  const rows = (lines(text, "\n") ?? []).map((line) => line.split(/=(.*)/s).map((part) => part.trim()));
  if (rows.some(([name, value]) => !name || !value)) return [null, "One name=value per line."];
  return [rows.length ? Object.fromEntries(rows.map(([name, value]) => [name, value])) : null];
}

/** A moment as an input of the viewer's zone has it. */
function local(iso) {
  return iso ? new Date(iso).toLocaleString("sv").replace(" ", "T").slice(0, 16) : "";
}
