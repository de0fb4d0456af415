// Server-sent events of a response, for requests that EventSource cannot make.

/**
 * Yields { event, data }, data as JSON where it is JSON, until [DONE] or the end. Comments are skipped, or `comment`
 * is called with their text: the gateway's last one stands behind [DONE].
 */
export async function* events(response, { comment } = {}) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      held += done ? "\n\n" : value;
      const blocks = held.split(/\r?\n\r?\n/);
      held = blocks.pop();
      for (const block of blocks) {
        const found = parsed(block);
        if (comment && block.startsWith(":")) comment(block.slice(1).trim());
        if (found?.data === "[DONE]" && !comment) return;
        if (found && found.data !== "[DONE]") yield found;
      }
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

const OPENING = "vaultedge ";

/** What the gateway's comment behind a stream tells: { translation, cost_usd, provider, model, attempts }; null of any other. */
export const epilogue = (comment) => (comment.startsWith(OPENING) ? JSON.parse(comment.slice(OPENING.length)) : null);

function parsed(block) {
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
