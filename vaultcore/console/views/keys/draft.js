// A key as people type it: texts, which become what the admin API takes, and only what was changed.

const LISTS = ["allowed_models", "allowed_ips"];
const WHOLE = ["rate_limit_rpm", "rate_limit_tpm", "max_parallel", "token_quota"];
const MONEY = ["credits_usd", "budget_day_usd", "budget_month_usd"];

/** What of a key can be limited, and what an owner and the gateway can be limited to. */
export const LIMITS = [...WHOLE, ...MONEY];

/** What a form for a new key begins with. */
export const BLANK = { name: "", owner: "", allowed_models: "", allowed_ips: "", expires_at: "", metadata: "",
  ...Object.fromEntries(LIMITS.map((name) => [name, ""])), rate_limit_rpm: "60" };

/** A key's texts. Money is written out: 0.0000126, where JavaScript says 1.26e-5. */
export function draft(key) {
  const amount = (value) => value.toFixed(9).replace(/\.?0+$/, "");
  return {
    name: key.name ?? "", owner: key.owner ?? "", expires_at: local(key.expires_at),
    metadata: Object.entries(key.metadata ?? {}).map(([name, value]) => `${name}=${value}`).join("\n"),
    ...Object.fromEntries(LISTS.map((name) => [name, (key[name] ?? []).join("\n")])),
    ...Object.fromEntries(WHOLE.map((name) => [name, key[name] === null ? "" : String(key[name])])),
    ...Object.fromEntries(MONEY.map((name) => [name, key[name] === null ? "" : amount(key[name])])),
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
  if (WHOLE.includes(name)) {
    const digits = text.replace(/[\s,_']/g, "");
    return /^\d{1,15}$/.test(digits) ? [Number(digits)] : [null, "A whole number, like 1000."];
  }
  if (MONEY.includes(name)) return amount(text);
  if (name === "expires_at") return [new Date(text).toISOString()];
  return [text];
}

/** [US dollars as text, which is exact] or [null, what is wrong]. */
export const amount = (text) => (/^\d{1,7}(\.\d{1,9})?$/.test(text.trim()) ? [text.trim()] : [null, "An amount in US dollars, like 12.50."]);

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
