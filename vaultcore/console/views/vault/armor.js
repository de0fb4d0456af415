// The armor of a vault string: a prefix and canonical base64; like vaultcore/vault/armor.py.

export const MAX_SEALED = 1_500_000; // characters
const ENDS = /^[ \t\r\n\v\f]+|[ \t\r\n\v\f]+$/g; // ASCII white space only, as editors and clipboards add it

/** Return the string without surrounding white space. */
export const trim = (sealed) => sealed.replace(ENDS, "");

/** Return a prefix followed by the bytes in base64. */
export function wrap(prefix, wire) {
  let binary = "";
  for (const byte of wire) binary += String.fromCharCode(byte);
  return prefix + btoa(binary);
}

/** Return the bytes of a trimmed string, or null unless it is canonical base64. */
export function unwrap(prefix, sealed) {
  const text = sealed.slice(prefix.length);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  try {
    const wire = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
    return wrap("", wire) === text ? wire : null;
  } catch {
    return null;
  }
}

/** Concatenate byte arrays. */
export function concat(...parts) {
  const result = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
