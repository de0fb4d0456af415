// Conversations as files: Markdown to read, JSON to take elsewhere and bring back.

import { isPicture } from "./ask.js";

const FORMAT = "vaultedge.chat";
const MOST = 64_000_000; // characters of a file that is read

/** A conversation as Markdown. */
export function asMarkdown(conversation, messages) {
  const parts = messages.map((each) => {
    const who = each.role === "user" ? "You" : each.model || "Assistant";
    const pictures = (each.pictures ?? []).map((url, index) => `![picture ${index + 1}](${url})`);
    return [`## ${who}`, each.text, ...pictures, each.error && `> Failed: ${each.error.message}`].filter(Boolean).join("\n\n");
  });
  const system = conversation.system ? [`> ${conversation.system.replaceAll("\n", "\n> ")}`] : [];
  return `${[`# ${conversation.title}`, ...system, ...parts].join("\n\n")}\n`;
}

/** Conversations, as [conversation, messages], as JSON. */
export const asJson = (all) =>
  JSON.stringify({
    format: FORMAT,
    version: 1,
    conversations: all.map(([{ id: _id, ...conversation }, messages]) => ({
      ...conversation,
      messages: messages.map(({ conversation: _of, at: _at, turn: _turn, ...message }) => message),
    })),
  }, null, 1);

/** What such a file holds, as [conversation, messages] under new ids. Raises Error with words for people. */
export function parsed(text) {
  if (text.length > MOST) throw new Error("The file is too large.");
  let told;
  try {
    told = JSON.parse(text);
  } catch {
    throw new Error("The file is no JSON.");
  }
  if (told?.format !== FORMAT || told.version !== 1 || !Array.isArray(told.conversations)) {
    throw new Error("The file holds no conversations that were exported here.");
  }
  return told.conversations.map((each) => {
    if (!each || !Array.isArray(each.messages)) throw new Error("A conversation of the file has no messages.");
    const created = moment(each.created);
    const conversation = {
      id: unique(), title: words(each.title, 200) || "Imported", folder: words(each.folder, 80),
      model: words(each.model, 300), system: words(each.system), created, updated: moment(each.updated),
      ...(heat(each.temperature) === null ? {} : { temperature: each.temperature }),
    };
    return [conversation, each.messages.map((message, at) => ({ ...shaped(message, created), at }))];
  });
}

const words = (value, most = Infinity) => (typeof value === "string" ? value.slice(0, most) : "");
/** A temperature that may be sent, or null. */
export const heat = (value) => (Number.isFinite(value) && value >= 0 && value <= 2 ? value : null);
const moment = (value) => (Number.isFinite(value) && Math.abs(value) < 8e15 ? value : Date.now());

function shaped(message, created) {
  const role = message?.role;
  if (role !== "user" && role !== "assistant") throw new Error("A message of the file is of nobody.");
  const pictures = Array.isArray(message.pictures) ? message.pictures.filter(isPicture) : [];
  const kept = { role, text: words(message.text), pictures, created: Number.isFinite(message.created) ? moment(message.created) : created };
  if (role === "user") return kept;
  for (const name of ["model", "provider", "cost"]) if (typeof message[name] === "string") kept[name] = words(message[name], 300);
  for (const name of ["tokens", "ms", "first"]) if (Number.isFinite(message[name])) kept[name] = message[name];
  for (const name of ["stopped", "cut"]) if (message[name] === true) kept[name] = true;
  if (message.error) kept.error = { status: 0, code: words(message.error.code, 100), message: words(message.error.message), id: null };
  return kept;
}

/** An id; crypto.randomUUID is missing where the page is neither local nor HTTPS. */
export const unique = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Hand a text to the browser as a file to keep. */
export function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A file's name after a title. */
export const filename = (title, ending) =>
  `${title.normalize("NFKD").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 60).toLowerCase() || "chat"}.${ending}`;
