// Converts between a key and the texts of its form. Only changed fields are sent to the admin API.

import { parseThresholds } from "../balance/thresholds.js";
import { parseAmount, parseWhole, unambiguous } from "./numbers.js";

const LISTS = ["allowed_models", "allowed_ips"];
const WHOLE = ["rate_limit_rpm", "rate_limit_tpm", "max_parallel", "token_quota"];
const NONE = "none"; // disables alerts; an empty field means the gateway's thresholds
const MONEY = ["credits_usd", "budget_day_usd", "budget_month_usd"];

/** The limits of keys, owners and the gateway. */
export const LIMITS = [...WHOLE, ...MONEY];

/** The initial values of the form for a new key. */
export const BLANK = { name: "", owner: "", allowed_models: "", allowed_ips: "", expires_at: "", metadata: "", alert_marks: "",
  unbounded_inputs: "reserve_max",
  ...Object.fromEntries(LIMITS.map((name) => [name, ""])), rate_limit_rpm: "60" };

/** Return a key as form texts. Money has no exponent: 0.0000126, not 1.26e-5. */
export function toDraft(key) {
  const formatMoney = (value) => unambiguous(value.toFixed(9).replace(/\.?0+$/, ""));
  return {
    name: key.name ?? "", owner: key.owner ?? "", expires_at: localTime(key.expires_at),
    unbounded_inputs: key.unbounded_inputs ?? BLANK.unbounded_inputs,
    alert_marks: !key.alert_marks ? "" : key.alert_marks.join(", ") || NONE,
    metadata: Object.entries(key.metadata ?? {}).map(([name, value]) => `${name}=${value}`).join("\n"),
    ...Object.fromEntries(LISTS.map((name) => [name, (key[name] ?? []).join("\n")])),
    ...Object.fromEntries(WHOLE.map((name) => [name, key[name] === null ? "" : String(key[name])])),
    ...Object.fromEntries(MONEY.map((name) => [name, key[name] === null ? "" : formatMoney(key[name])])),
  };
}

/** Return { body, errors } of the fields that differ from `before`. */
export function toChanges(now, before) {
  const body = {};
  const errors = {};
  for (const name of Object.keys(now).filter((each) => now[each].trim() !== before[each].trim())) {
    const [value, error] = parseField(name, now[name].trim());
    if (error) errors[name] = error;
    else body[name] = value;
  }
  return { body, errors };
}

function parseField(name, text) {
  if (LISTS.includes(name)) return [parseLines(text, /[\n,]/)];
  if (name === "metadata") return parsePairs(text);
  if (name === "name") return text ? [text] : [null, "Enter a name."];
  if (!text) return [null];
  if (WHOLE.includes(name)) return parseWhole(text);
  if (MONEY.includes(name)) return parseAmount(text);
  if (name === "alert_marks") return text.toLowerCase() === NONE ? [[], null] : parseThresholds(text);
  if (name === "expires_at") return [new Date(text).toISOString()];
  return [text];
}

function parseLines(text, by) {
  const lines = text.split(by).map((each) => each.trim()).filter(Boolean);
  return lines.length ? lines : null;
}

function parsePairs(text) {
  const rows = (parseLines(text, "\n") ?? []).map((line) => line.split(/=(.*)/s).map((part) => part.trim()));
  if (rows.some(([name, value]) => !name || !value)) return [null, "Enter one name=value per line."];
  return [rows.length ? Object.fromEntries(rows.map(([name, value]) => [name, value])) : null];
}

/** Return a time as the value of a datetime-local input. */
function localTime(iso) {
  return iso ? new Date(iso).toLocaleString("sv").replace(" ", "T").slice(0, 16) : "";
}
