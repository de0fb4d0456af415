// Asking a model: what is sent for a conversation, and how its answer grows.

import { aborted } from "../../api.js";
import { epilogue } from "../../events.js";

const PICTURE = /^data:image\/(png|jpeg|webp|gif);base64,[A-Za-z0-9+/]+=*$/;
const KINDS = { iVBOR: "png", "/9j/": "jpeg", UklGR: "webp", R0lGO: "gif" };

/** Whether an address is a picture's own bytes: nothing else is shown, so that nothing is fetched. */
export const isPicture = (url) => typeof url === "string" && PICTURE.test(url);

/** A request: instructions first, then what was said; failed answers are left out, and pictures for a `blind` model. */
export function request(conversation, messages, { blind = false } = {}) {
  const said = messages.filter((each) => each.role === "user" || each.text);
  const told = said.map(({ role, text, pictures }) => {
    if (role !== "user" || !pictures?.length) return { role, content: text };
    if (blind) return { role, content: text || "[picture]" };
    return { role, content: [...(text ? [{ type: "text", text }] : []), ...pictures.map((url) => ({ type: "image_url", image_url: { url } }))] };
  });
  const { model, system, temperature } = conversation;
  return {
    model,
    messages: [...(system ? [{ role: "system", content: system }] : []), ...told],
    ...(Number.isFinite(temperature) ? { temperature } : {}),
    stream: true,
    stream_options: { include_usage: true },
  };
}

/**
 * Ask for the answer to the messages; `grown(answer)` is called with every piece of it. Resolves to the answer: with
 * `stopped` if the signal said so, with `error` if it failed, in both cases with what had come by then.
 */
export async function answer(api, conversation, messages, { painter, blind, signal, grown }) {
  const began = performance.now();
  let made = { role: "assistant", text: "", pictures: [], model: conversation.model, created: Date.now() };
  const grow = (more) => grown((made = { ...made, ...more }));
  try {
    const work = painter ? paint : talk;
    await work(api, conversation, messages, { signal, blind, grow, now: () => made, began });
  } catch (error) {
    if (aborted(error)) made = { ...made, stopped: true };
    else made = { ...made, error: told(error) };
  }
  return { ...made, ms: Math.round(performance.now() - began) };
}

const BROKEN = "The connection broke off before the answer's end.";

function told(error) {
  const { status = 0, code = "failed", message, id = null } = error;
  return { status, code, message: error instanceof TypeError ? BROKEN : message, id };
}

async function talk(api, conversation, messages, { signal, blind, grow, now, began }) {
  let id = null;
  const opened = ({ headers }) => {
    id = headers.get("x-request-id");
    grow({ provider: headers.get("x-vaultedge-provider") });
  };
  const comment = (text) => {
    const end = epilogue(text);
    if (end) grow({ cost: end.cost_usd, provider: end.provider });
  };
  const options = { as: "play", signal, opened, comment, headers: { "x-vaultedge-explain": "1" } };
  let ended = false;
  let error = null; // what it cost until then comes behind it
  for await (const { data } of api.stream("v1/chat/completions", request(conversation, messages, { blind }), options)) {
    error ??= data?.error ?? null;
    const choice = data?.choices?.[0] ?? {};
    ended ||= Boolean(choice.finish_reason);
    said(choice.delta ?? {}, { grow, now, began });
    if (choice.finish_reason === "length") grow({ cut: true });
    if (data?.usage) grow({ tokens: data.usage.total_tokens });
  }
  if (error) throw { status: 200, code: error.code ?? error.type, message: error.message ?? CUT, id };
  if (!ended) throw { status: 200, code: "cut", message: CUT, id };
}

const CUT = "The answer broke off before its end.";

function said(delta, { grow, now, began }) {
  const more = delta.content || delta.refusal || "";
  const pictures = (delta.images ?? []).map((each) => each?.image_url?.url).filter(isPicture);
  if (!more && !pictures.length) return;
  const { text, pictures: before, first = Math.round(performance.now() - began) } = now();
  grow({ text: text + more, pictures: [...before, ...pictures], first });
}

/** Pictures of the last message's words; models that take `response_format` are asked for bytes, which can be shown. */
async function paint(api, conversation, messages, { signal, grow }) {
  const prompt = messages.findLast((each) => each.role === "user").text;
  const body = { model: conversation.model, prompt, n: 1 };
  const send = (more) => api.raw("POST", "v1/images/generations", { body: { ...body, ...more }, as: "play", signal });
  const response = await send({ response_format: "b64_json" }).catch((error) => {
    if (error.status === 400 && error.param === "response_format") return send({});
    throw error;
  });
  const { data = [] } = await response.json();
  const pictures = data.filter((each) => each.b64_json).map((each) => inline(each.b64_json));
  const links = data.filter((each) => each.url).map(({ url }, index) => `[Picture ${index + 1}, at its provider](<${url.replace(/[<>\s]/g, encodeURIComponent)}>)`);
  grow({
    pictures: pictures.filter(isPicture),
    text: [...data.map((each) => each.revised_prompt).filter(Boolean), ...links].join("\n\n"),
    provider: response.headers.get("x-vaultedge-provider"),
    cost: response.headers.get("x-vaultedge-cost-usd"),
  });
}

function inline(bytes) {
  const begins = Object.keys(KINDS).find((each) => bytes.startsWith(each));
  return `data:image/${KINDS[begins] ?? "png"};base64,${bytes}`;
}
