// Seals and opens vault strings with WebCrypto: v1 and, with PBKDF2, v2. docs/vault.md defines both formats.

import { MAX_SEALED, concat, trim, unwrap, wrap } from "./armor.js";
import { isText, parse, render } from "./plaintext.js";

const V1 = "VE_VAULT_v1_";
const V2 = "VE_VAULT_v2_";
const ROUNDS = { 1: 210_000, 2: 600_000 };
const MAX_ROUNDS = 10_000_000;
const PBKDF2 = 1; // the KDF's number in a v2 string; browsers support no other
const UNSUPPORTED_KDFS = { 2: "scrypt", 3: "argon2id" };
const [SALT, NONCE, TAG, COMMITMENT] = [32, 12, 16, 32];
const HEAD = 9; // bytes of v2: the KDF's number and parameters

/** A vault string could not be sealed or opened. The message contains nothing from the vault. */
export class VaultError extends Error {
  name = "VaultError";
}

const NOT_OPENED = "Cannot open the vault: the password is wrong, or the string is damaged or incomplete.";
const bytes = (text) => new TextEncoder().encode(text);
const random = (length) => crypto.getRandomValues(new Uint8Array(length));
const pbkdf2Params = (rounds, salt) => ({ name: "PBKDF2", hash: "SHA-256", salt, iterations: rounds });
const importPassword = (password) => crypto.subtle.importKey("raw", bytes(password), "PBKDF2", false, ["deriveBits", "deriveKey"]);

/** Return a vault string of version 1 or 2 with fresh salt and nonce. Raises VaultError. */
export async function seal(keys, password, version = 1) {
  const text = render(keys);
  if (text === null) throw new VaultError("Cannot seal these keys: they must be valid text, and at most 1 MiB together.");
  if (!isText(password)) throw new VaultError("The password is not valid text: it contains half a character.");
  const [salt, nonce] = [random(SALT), random(NONCE)];
  if (version === 1) {
    const key = await deriveV1(password, salt);
    return wrap(V1, concat(salt, nonce, await encrypt(key, nonce, text)));
  }
  const params = new Uint8Array(HEAD);
  params[0] = PBKDF2;
  new DataView(params.buffer).setUint32(1, ROUNDS[2]);
  const { key, commitment } = await deriveV2(password, salt, ROUNDS[2]);
  const head = concat(params, salt, commitment, nonce);
  return wrap(V2, concat(head, await encrypt(key, nonce, text, concat(bytes(V2), head))));
}

/** Open a vault string. Return { keys, password, version }. Raises VaultError. */
export async function open(sealedText, password) {
  const sealed = trim(sealedText);
  const version = { [V1]: 1, [V2]: 2 }[sealed.slice(0, V1.length)];
  if (!version) throw new VaultError("This is not a vault string: it must start with VE_VAULT_v1_ or VE_VAULT_v2_.");
  if (sealed.length > MAX_SEALED) throw new VaultError("This text is too long for a vault string.");
  const wire = unwrap(version === 1 ? V1 : V2, sealed);
  if (wire === null || !isText(password)) throw new VaultError(NOT_OPENED);
  const text = await (version === 1 ? decryptV1 : decryptV2)(wire, password);
  const keys = text && parse(text);
  if (!keys) throw new VaultError(NOT_OPENED);
  return { keys, password, version };
}

/** Like `open`, but also try the password's other Unicode normalization forms, because operating systems differ. */
export async function openNormalized(sealedText, password) {
  const others = ["NFC", "NFD"].map((form) => password.normalize(form)).filter((other) => other !== password);
  try {
    return await open(sealedText, password);
  } catch (error) {
    for (const other of others) {
      const contents = await open(sealedText, other).catch(() => null);
      if (contents) return contents;
    }
    throw error;
  }
}

async function deriveV1(password, salt) {
  const aes = { name: "AES-GCM", length: 256 };
  return crypto.subtle.deriveKey(pbkdf2Params(ROUNDS[1], salt), await importPassword(password), aes, false, ["encrypt", "decrypt"]);
}

/** Derive the key and the commitment of a v2 string with HKDF-Expand, which is one HMAC for 32 bytes. */
async function deriveV2(password, salt, rounds) {
  const stretched = await crypto.subtle.deriveBits(pbkdf2Params(rounds, salt), await importPassword(password.normalize("NFC")), 256);
  const hmacKey = await crypto.subtle.importKey("raw", stretched, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  new Uint8Array(stretched).fill(0);
  const expand = async (info) => new Uint8Array(await crypto.subtle.sign("HMAC", hmacKey, bytes(`${info}\x01`)));
  const raw = await expand("ve2 enc");
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  raw.fill(0);
  return { key, commitment: await expand("ve2 commit") };
}

async function encrypt(key, iv, text, additionalData = new Uint8Array()) {
  return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, text));
}

const decrypt = (key, iv, body, additionalData = new Uint8Array()) =>
  crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, body).then((plain) => new Uint8Array(plain), () => null);

async function decryptV1(wire, password) {
  if (wire.length < SALT + NONCE + TAG) return null;
  const key = await deriveV1(password, wire.subarray(0, SALT));
  return decrypt(key, wire.subarray(SALT, SALT + NONCE), wire.subarray(SALT + NONCE));
}

async function decryptV2(wire, password) {
  const body = HEAD + SALT + COMMITMENT + NONCE;
  if (wire.length < body + TAG) return null;
  const params = new DataView(wire.buffer, 0, HEAD);
  if (UNSUPPORTED_KDFS[wire[0]]) {
    throw new VaultError(`This string uses ${UNSUPPORTED_KDFS[wire[0]]}, which browsers do not support. Run "vaultedge vault open" instead.`);
  }
  const rounds = params.getUint32(1);
  if (wire[0] !== PBKDF2 || rounds < ROUNDS[2] || rounds > MAX_ROUNDS || params.getUint32(5) !== 0) return null;
  const salt = wire.subarray(HEAD, HEAD + SALT);
  const { key, commitment } = await deriveV2(password, salt, rounds);
  const stored = wire.subarray(HEAD + SALT, HEAD + SALT + COMMITMENT);
  const differs = commitment.reduce((difference, byte, at) => difference | (byte ^ stored[at]), 0); // compares every byte
  if (differs) return null;
  const head = wire.subarray(0, body);
  return decrypt(key, head.subarray(-NONCE), wire.subarray(body), concat(bytes(V2), head));
}
