// What is inside a sealed vault: UTF-8 JSON, an array of { provider, key }; like vaultcore/vault/plaintext.py.

const MAX_BYTES = 1 << 20;
const MAX_DEPTH = 32;
const STRING_OR_SIGN = /"(?:[^"\\]|\\.)*"|[[\]{}:,]/gs;

/** Half of a surrogate pair is valid JSON and no character: no header could carry it. */
export const isText = (value) => !/\p{Surrogate}/u.test(value);

/** The bytes to seal, or null where a key is not text or all of them are too much for one vault. */
export function render(keys) {
  const held = keys.map(({ provider, key }) => ({ provider, key }));
  if (!held.every((each) => isText(each.provider) && isText(each.key))) return null;
  const ascii = JSON.stringify(held).replace(/[^ -~]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const bytes = new TextEncoder().encode(ascii);
  return bytes.length <= MAX_BYTES ? bytes : null;
}

/** The keys in decrypted bytes, in order, or null for anything else. */
export function parse(bytes) {
  if (bytes.length > MAX_BYTES) return null;
  let entries;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    entries = JSON.parse(text);
    if (!plain(text)) return null;
  } catch {
    return null;
  }
  if (!Array.isArray(entries)) return null;
  const keys = entries.map((entry) => ({ provider: entry?.provider, key: entry?.key }));
  const good = (value) => typeof value === "string" && isText(value);
  return keys.every((each) => good(each.provider) && good(each.key)) ? keys : null;
}

/** Whether valid JSON is no deeper than allowed and names nothing twice in one object, which JSON.parse lets pass. */
function plain(text) {
  const open = []; // for each bracket: the names seen in it, or null in a list
  let before = null;
  for (const [token] of text.matchAll(STRING_OR_SIGN)) {
    if (token === "[" || token === "{") open.push(token === "{" ? new Set() : null);
    else if (token === "]" || token === "}") open.pop();
    else if (token === ":") {
      const name = JSON.parse(before);
      if (open.at(-1).has(name)) return false;
      open.at(-1).add(name);
    }
    if (open.length > MAX_DEPTH) return false;
    before = token;
  }
  return true;
}
