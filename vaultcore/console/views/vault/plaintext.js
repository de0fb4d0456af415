// The plaintext of a vault: UTF-8 JSON, an array of { provider, key }; like vaultcore/vault/plaintext.py.

const MAX_BYTES = 1 << 20;
const MAX_DEPTH = 32;
const STRING_OR_SIGN = /"(?:[^"\\]|\\.)*"|[[\]{}:,]/gs;

/** Return true if a string has no lone surrogate, which JSON allows but HTTP headers cannot carry. */
export const isText = (value) => !/\p{Surrogate}/u.test(value);

/** Return the bytes to seal, or null if a key is not valid text or all keys exceed the size limit. */
export function render(keys) {
  const entries = keys.map(({ provider, key }) => ({ provider, key }));
  if (!entries.every((each) => isText(each.provider) && isText(each.key))) return null;
  const ascii = JSON.stringify(entries).replace(/[^ -~]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const bytes = new TextEncoder().encode(ascii);
  return bytes.length <= MAX_BYTES ? bytes : null;
}

/** Return the keys in decrypted bytes, in order, or null if the bytes are not a valid vault. */
export function parse(bytes) {
  if (bytes.length > MAX_BYTES) return null;
  let entries;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    entries = JSON.parse(text);
    if (!isStrict(text)) return null;
  } catch {
    return null;
  }
  if (!Array.isArray(entries)) return null;
  const keys = entries.map((entry) => ({ provider: entry?.provider, key: entry?.key }));
  const isValid = (value) => typeof value === "string" && isText(value);
  return keys.every((each) => isValid(each.provider) && isValid(each.key)) ? keys : null;
}

/** Return true if valid JSON is within the maximum depth and has no duplicate names, which JSON.parse accepts. */
function isStrict(text) {
  const open = []; // for each bracket: the names of the object so far, or null in a list
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
