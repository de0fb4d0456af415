// Requests an answer for a conversation: builds the request and reads the response.

import { isAbort } from "../../api.js";
import { parseEpilogue } from "../../events.js";

const PICTURE = /^data:image\/(png|jpeg|webp|gif);base64,[A-Za-z0-9+/]+=*$/;
const KINDS = { iVBOR: "png", "/9j/": "jpeg", UklGR: "webp", R0lGO: "gif" };

/** Return true if a URL is an inline image. No other images are shown, so that nothing is fetched from elsewhere. */
export const isPicture = (url) => typeof url === "string" && PICTURE.test(url);

/** Build a request: instructions first, then the messages without failed answers, and without images for a model without vision. */
export function toRequest(conversation, messages, { lacksVision = false } = {}) {
  const included = messages.filter((each) => each.role === "user" || each.text);
  const turns = included.map(({ role, text, pictures }) => {
    if (role !== "user" || !pictures?.length) return { role, content: text };
    if (lacksVision) return { role, content: text || "[image]" };
    return { role, content: [...(text ? [{ type: "text", text }] : []), ...pictures.map((url) => ({ type: "image_url", image_url: { url } }))] };
  });
  const { model, system, temperature } = conversation;
  return {
    model,
    messages: [...(system ? [{ role: "system", content: system }] : []), ...turns],
    ...(Number.isFinite(temperature) ? { temperature } : {}),
    stream: true,
    stream_options: { include_usage: true },
  };
}

/**
 * Request the answer to the messages; `onUpdate(answer)` is called for every chunk. Resolves to the answer: with `stopped`
 * after an abort, with `error` after a failure, in both cases with the content received so far.
 */
export async function requestAnswer(api, conversation, messages, { isImageModel, lacksVision, signal, onUpdate }) {
  const began = performance.now();
  let current = { role: "assistant", text: "", pictures: [], model: conversation.model, created: Date.now() };
  const update = (more) => onUpdate((current = { ...current, ...more }));
  try {
    const run = isImageModel ? generateImages : streamAnswer;
    await run(api, conversation, messages, { signal, lacksVision, update, now: () => current, began });
  } catch (error) {
    if (isAbort(error)) current = { ...current, stopped: true };
    else current = { ...current, error: toError(error) };
  }
  return { ...current, ms: Math.round(performance.now() - began) };
}

const BROKEN = "The connection was lost before the answer was complete.";

function toError(error) {
  const { status = 0, code = "failed", message, id = null } = error;
  return { status, code, message: error instanceof TypeError ? BROKEN : message, id };
}

async function streamAnswer(api, conversation, messages, { signal, lacksVision, update, now, began }) {
  let id = null;
  const onResponse = ({ headers }) => {
    id = headers.get("x-request-id");
    update({ provider: headers.get("x-vaultedge-provider") });
  };
  const onComment = (text) => {
    const end = parseEpilogue(text);
    if (end) update({ cost: end.cost_usd, provider: end.provider });
  };
  const options = { as: "play", signal, onResponse, onComment, headers: { "x-vaultedge-explain": "1" } };
  let ended = false;
  let error = null; // the cost so far follows after it
  for await (const { data } of api.stream("v1/chat/completions", toRequest(conversation, messages, { lacksVision }), options)) {
    error ??= data?.error ?? null;
    const choice = data?.choices?.[0] ?? {};
    ended ||= Boolean(choice.finish_reason);
    addDelta(choice.delta ?? {}, { update, now, began });
    if (choice.finish_reason === "length") update({ cut: true });
    if (data?.usage) update({ tokens: data.usage.total_tokens });
  }
  if (error) throw { status: 200, code: error.code ?? error.type, message: error.message ?? CUT, id };
  if (!ended) throw { status: 200, code: "cut", message: CUT, id };
}

const CUT = "The answer is incomplete: the stream ended early.";

function addDelta(delta, { update, now, began }) {
  const more = delta.content || delta.refusal || "";
  const pictures = (delta.images ?? []).map((each) => each?.image_url?.url).filter(isPicture);
  if (!more && !pictures.length) return;
  const { text, pictures: previous, first = Math.round(performance.now() - began) } = now();
  update({ text: text + more, pictures: [...previous, ...pictures], first });
}

/** Generate images from the last message. Models that accept `response_format` are asked for data, which the page can show. */
async function generateImages(api, conversation, messages, { signal, update }) {
  const prompt = messages.findLast((each) => each.role === "user").text;
  const body = { model: conversation.model, prompt, n: 1 };
  const send = (more) => api.raw("POST", "v1/images/generations", { body: { ...body, ...more }, as: "play", signal });
  const response = await send({ response_format: "b64_json" }).catch((error) => {
    if (error.status === 400 && error.param === "response_format") return send({});
    throw error;
  });
  const { data = [] } = await response.json();
  const pictures = data.filter((each) => each.b64_json).map((each) => toDataUrl(each.b64_json));
  const links = data.filter((each) => each.url).map(({ url }, index) => `[Image ${index + 1} at the provider](<${url.replace(/[<>\s]/g, encodeURIComponent)}>)`);
  update({
    pictures: pictures.filter(isPicture),
    text: [...data.map((each) => each.revised_prompt).filter(Boolean), ...links].join("\n\n"),
    provider: response.headers.get("x-vaultedge-provider"),
    cost: response.headers.get("x-vaultedge-cost-usd"),
  });
}

function toDataUrl(base64) {
  const prefix = Object.keys(KINDS).find((each) => base64.startsWith(each));
  return `data:image/${KINDS[prefix] ?? "png"};base64,${base64}`;
}
