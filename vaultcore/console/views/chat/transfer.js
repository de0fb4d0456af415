// Exports conversations as Markdown or JSON, and imports JSON.

import { isPicture } from "./completion.js";

const FORMAT = "vaultedge.chat";
const MAX_LENGTH = 64_000_000; // characters of an imported file

/** Return a conversation as Markdown. */
export function asMarkdown(conversation, messages) {
  const parts = messages.map((each) => {
    const who = each.role === "user" ? "You" : each.model || "Assistant";
    const pictures = (each.pictures ?? []).map((url, index) => `![image ${index + 1}](${url})`);
    return [`## ${who}`, each.text, ...pictures, each.error && `> Failed: ${each.error.message}`].filter(Boolean).join("\n\n");
  });
  const system = conversation.system ? [`> ${conversation.system.replaceAll("\n", "\n> ")}`] : [];
  return `${[`# ${conversation.title}`, ...system, ...parts].join("\n\n")}\n`;
}

/** Return [conversation, messages] pairs as JSON. */
export const asJson = (all) =>
  JSON.stringify({
    format: FORMAT,
    version: 1,
    conversations: all.map(([{ id: _id, ...conversation }, messages]) => ({
      ...conversation,
      messages: messages.map(({ conversation: _of, at: _at, turn: _turn, ...message }) => message),
    })),
  }, null, 1);

/** Parse an exported file into [conversation, messages] pairs with new ids. Raises Error with a message for the user. */
export function parseFile(text) {
  if (text.length > MAX_LENGTH) throw new Error("the file is too large.");
  let file;
  try {
    file = JSON.parse(text);
  } catch {
    throw new Error("the file is not valid JSON.");
  }
  if (file?.format !== FORMAT || file.version !== 1 || !Array.isArray(file.conversations)) {
    throw new Error("the file is not a conversation export.");
  }
  return file.conversations.map((each) => {
    if (!each || !Array.isArray(each.messages)) throw new Error("a conversation has no messages.");
    const created = validTime(each.created);
    const conversation = {
      id: unique(), title: toText(each.title, 200) || "Imported", folder: toText(each.folder, 80),
      model: toText(each.model, 300), system: toText(each.system), created, updated: validTime(each.updated),
      ...(validTemperature(each.temperature) === null ? {} : { temperature: each.temperature }),
    };
    return [conversation, each.messages.map((message, at) => ({ ...parseMessage(message, created), at }))];
  });
}

const toText = (value, most = Infinity) => (typeof value === "string" ? value.slice(0, most) : "");
/** Return a valid temperature, or null. */
export const validTemperature = (value) => (Number.isFinite(value) && value >= 0 && value <= 2 ? value : null);
const validTime = (value) => (Number.isFinite(value) && Math.abs(value) < 8e15 ? value : Date.now());

function parseMessage(message, created) {
  const role = message?.role;
  if (role !== "user" && role !== "assistant") throw new Error("a message has an unknown role.");
  const pictures = Array.isArray(message.pictures) ? message.pictures.filter(isPicture) : [];
  const fields = { role, text: toText(message.text), pictures, created: Number.isFinite(message.created) ? validTime(message.created) : created };
  if (role === "user") return fields;
  for (const name of ["model", "provider", "cost"]) if (typeof message[name] === "string") fields[name] = toText(message[name], 300);
  for (const name of ["tokens", "ms", "first"]) if (Number.isFinite(message[name])) fields[name] = message[name];
  for (const name of ["stopped", "cut"]) if (message[name] === true) fields[name] = true;
  if (message.error) fields.error = { status: 0, code: toText(message.error.code, 100), message: toText(message.error.message), id: null };
  return fields;
}

/** Return a random id. crypto.randomUUID is missing unless the page is on localhost or HTTPS. */
export const unique = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Save a text as a file. */
export function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Return a file name for a title. */
export const filename = (title, ending) =>
  `${title.normalize("NFKD").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 60).toLowerCase() || "chat"}.${ending}`;
