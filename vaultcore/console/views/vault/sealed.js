// Vault strings, sealed and opened with WebCrypto: v1 as VaultEdge seals it, v2 with PBKDF2; docs/vault.md has both.

import { MAX_SEALED, joined, trim, unwrap, wrap } from "./armor.js";
import { isText, parse, render } from "./plaintext.js";

const V1 = "VE_VAULT_v1_";
const V2 = "VE_VAULT_v2_";
const ROUNDS = { 1: 210_000, 2: 600_000 };
const MOST_ROUNDS = 10_000_000;
const PBKDF2 = 1; // its number in a v2 string; browsers have no other
const ELSEWHERE = { 2: "scrypt", 3: "argon2id" };
const [SALT, NONCE, TAG, COMMITMENT] = [32, 12, 16, 32];
const HEAD = 9; // of v2: the KDF's number, and its parameters

/** Why a vault string was not made or not opened; says nothing of what is in it. */
export class VaultError extends Error {
  name = "VaultError";
}

const NOT_OPENED = "The vault does not open: the password is wrong, or the string is damaged or cut short.";
const bytes = (text) => new TextEncoder().encode(text);
const random = (length) => crypto.getRandomValues(new Uint8Array(length));
const stretching = (rounds, salt) => ({ name: "PBKDF2", hash: "SHA-256", salt, iterations: rounds });
const imported = (password) => crypto.subtle.importKey("raw", bytes(password), "PBKDF2", false, ["deriveBits", "deriveKey"]);

/** A vault string of version 1 or 2 with fresh salt and nonce. Raises VaultError. */
export async function seal(keys, password, version = 1) {
  const text = render(keys);
  if (text === null) throw new VaultError("These keys do not fit a vault: they must be text, and less than 1 MiB of it together.");
  if (!isText(password)) throw new VaultError("The password is not text: it holds half a character.");
  const [salt, nonce] = [random(SALT), random(NONCE)];
  if (version === 1) {
    const key = await firstKey(password, salt);
    return wrap(V1, joined(salt, nonce, await encrypted(key, nonce, text)));
  }
  const params = new Uint8Array(HEAD);
  params[0] = PBKDF2;
  new DataView(params.buffer).setUint32(1, ROUNDS[2]);
  const { key, commitment } = await secondKeys(password, salt, ROUNDS[2]);
  const head = joined(params, salt, commitment, nonce);
  return wrap(V2, joined(head, await encrypted(key, nonce, text, joined(bytes(V2), head))));
}

/** { keys, password, version } of a vault string. Raises VaultError. */
export async function open(given, password) {
  const sealed = trim(given);
  const version = { [V1]: 1, [V2]: 2 }[sealed.slice(0, V1.length)];
  if (!version) throw new VaultError("This is not a vault string: one begins with VE_VAULT_v1_ or VE_VAULT_v2_.");
  if (sealed.length > MAX_SEALED) throw new VaultError("This is too long to be a vault string.");
  const wire = unwrap(version === 1 ? V1 : V2, sealed);
  if (wire === null || !isText(password)) throw new VaultError(NOT_OPENED);
  const text = await (version === 1 ? decryptedFirst : decryptedSecond)(wire, password);
  const keys = text && parse(text);
  if (!keys) throw new VaultError(NOT_OPENED);
  return { keys, password, version };
}

/** Likewise; where the password does not open it, its letters composed the other way are tried, as systems differ. */
export async function openSpelled(given, password) {
  const others = ["NFC", "NFD"].map((form) => password.normalize(form)).filter((other) => other !== password);
  try {
    return await open(given, password);
  } catch (error) {
    for (const other of others) {
      const found = await open(given, other).catch(() => null);
      if (found) return found;
    }
    throw error;
  }
}

async function firstKey(password, salt) {
  const aes = { name: "AES-GCM", length: 256 };
  return crypto.subtle.deriveKey(stretching(ROUNDS[1], salt), await imported(password), aes, false, ["encrypt", "decrypt"]);
}

/** What a v2 string is encrypted with, and what it commits to: HKDF-Expand, which is one HMAC for 32 bytes. */
async function secondKeys(password, salt, rounds) {
  const stretched = await crypto.subtle.deriveBits(stretching(rounds, salt), await imported(password.normalize("NFC")), 256);
  const machine = await crypto.subtle.importKey("raw", stretched, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  new Uint8Array(stretched).fill(0);
  const expand = async (info) => new Uint8Array(await crypto.subtle.sign("HMAC", machine, bytes(`${info}\x01`)));
  const raw = await expand("ve2 enc");
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  raw.fill(0);
  return { key, commitment: await expand("ve2 commit") };
}

async function encrypted(key, iv, text, additionalData = new Uint8Array()) {
  return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, text));
}

const decrypted = (key, iv, body, additionalData = new Uint8Array()) =>
  crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, body).then((plain) => new Uint8Array(plain), () => null);

async function decryptedFirst(wire, password) {
  if (wire.length < SALT + NONCE + TAG) return null;
  const key = await firstKey(password, wire.subarray(0, SALT));
  return decrypted(key, wire.subarray(SALT, SALT + NONCE), wire.subarray(SALT + NONCE));
}

async function decryptedSecond(wire, password) {
  const body = HEAD + SALT + COMMITMENT + NONCE;
  if (wire.length < body + TAG) return null;
  const params = new DataView(wire.buffer, 0, HEAD);
  if (ELSEWHERE[wire[0]]) {
    throw new VaultError(`This string uses ${ELSEWHERE[wire[0]]}, which browsers cannot compute. "vaultedge vault open" opens it.`);
  }
  const rounds = params.getUint32(1);
  if (wire[0] !== PBKDF2 || rounds < ROUNDS[2] || rounds > MOST_ROUNDS || params.getUint32(5) !== 0) return null;
  const salt = wire.subarray(HEAD, HEAD + SALT);
  const { key, commitment } = await secondKeys(password, salt, rounds);
  const held = wire.subarray(HEAD + SALT, HEAD + SALT + COMMITMENT);
  const differs = commitment.reduce((found, byte, at) => found | (byte ^ held[at]), 0); // looks at every byte
  if (differs) return null;
  const head = wire.subarray(0, body);
  return decrypted(key, head.subarray(-NONCE), wire.subarray(body), joined(bytes(V2), head));
}
