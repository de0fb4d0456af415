// The text around a sealed vault: a prefix, and base64 with exactly one spelling; like vaultcore/vault/armor.py.

export const MAX_SEALED = 1_500_000; // characters
const ENDS = /^[ \t\r\n\v\f]+|[ \t\r\n\v\f]+$/g; // ASCII only: what editors and clipboards leave

/** The string without the white space around it. */
export const trim = (sealed) => sealed.replace(ENDS, "");

/** The text of some bytes behind a prefix. */
export function wrap(prefix, wire) {
  let binary = "";
  for (const byte of wire) binary += String.fromCharCode(byte);
  return prefix + btoa(binary);
}

/** The bytes of a trimmed string, or null where it is not the one spelling of any bytes. */
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

/** One array of bytes after the other. */
export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
