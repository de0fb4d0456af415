// Server-sent events of a response, for requests that EventSource cannot make.

/**
 * Yield { event, data } until [DONE] or the end; data is parsed if it is JSON. Comments are skipped, or passed to
 * `onComment`: the gateway sends its last comment after [DONE].
 */
export async function* events(response, { onComment } = {}) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffered = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      buffered += done ? "\n\n" : value;
      const blocks = buffered.split(/\r?\n\r?\n/);
      buffered = blocks.pop();
      for (const block of blocks) {
        const event = parseEvent(block);
        if (onComment && block.startsWith(":")) onComment(block.slice(1).trim());
        if (event?.data === "[DONE]" && !onComment) return;
        if (event && event.data !== "[DONE]") yield event;
      }
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

const PREFIX = "vaultedge ";

/** Parse the gateway's comment after a stream: { translation, cost_usd, provider, model, attempts }; null for any other comment. */
export const parseEpilogue = (comment) => (comment.startsWith(PREFIX) ? JSON.parse(comment.slice(PREFIX.length)) : null);

function parseEvent(block) {
  let event = "message";
  const data = [];
  for (const line of block.split(/\r?\n/)) {
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (name === "event") event = value;
    if (name === "data") data.push(value);
  }
  if (!data.length) return null;
  const text = data.join("\n");
  try {
    return { event, data: JSON.parse(text) };
  } catch {
    return { event, data: text };
  }
}
