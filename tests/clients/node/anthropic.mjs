// Runs a scenario with @anthropic-ai/sdk over /v1/messages.
import { main, MAX_TURNS, runTool, TOOLS } from "./scenario.mjs";

const MAX_TOKENS = 4000;

async function run({ default: Anthropic }, scenario, transcript, load) {
  const client = new Anthropic({ apiKey: scenario.key, baseURL: scenario.url, maxRetries: 0 });
  const thinking = { type: "enabled", budget_tokens: 2000, display: "summarized" };
  const fields = { model: scenario.model, max_tokens: MAX_TOKENS, ...(scenario.reasoning ? { thinking } : {}) };
  const messages = [{ role: "user", content: scenario.prompt }];
  if (scenario.runner) return runWithRunner(client, { ...fields, messages }, scenario, transcript, load);
  const tools = TOOLS.map(({ name, description, schema }) => ({ name, description, input_schema: schema }));
  for (let turn = 0; turn < MAX_TURNS; turn += 1) {
    transcript.fragments = 0;
    const message = await ask(client, { ...fields, messages, tools }, scenario.stream, transcript);
    const uses = record(message, transcript, turn);
    if (message.stop_reason !== "tool_use") return;
    const results = uses.map((use) => ({
      type: "tool_result", tool_use_id: use.id, content: runTool(use.name, use.input),
    }));
    messages.push({ role: "assistant", content: message.content }, { role: "user", content: results });
  }
}

async function ask(client, body, isStreaming, transcript) {
  if (!isStreaming) return client.messages.create(body);
  const stream = client.messages.stream(body);
  stream.on("text", () => { transcript.fragments += 1; });
  return stream.finalMessage();
}

async function runWithRunner(client, fields, { stream }, transcript, load) {
  const { betaTool } = await load("@anthropic-ai/sdk/helpers/beta/json-schema");
  const tools = TOOLS.map(({ name, description, schema, run: call }) => betaTool({
    name, description, inputSchema: schema, run: call,
  }));
  let turn = 0;
  for await (const item of client.beta.messages.toolRunner({ ...fields, tools, stream, max_iterations: MAX_TURNS })) {
    record(stream ? await item.finalMessage() : item, transcript, turn);
    turn += 1;
  }
}

/** Add one message to the transcript; return its tool calls. */
function record({ content }, transcript, turn) {
  const blocks = (type) => content.filter((block) => block.type === type);
  transcript.addTurn(blocks("tool_use").map((use) => [use.name, use.input]));
  transcript.text = blocks("text").map((block) => block.text).join("");
  if (turn === 0) transcript.reasoning = blocks("thinking").map((block) => block.thinking).join("");
  return blocks("tool_use");
}

await main("@anthropic-ai/sdk", run, (error) => ({
  type: error.type, requestId: error.requestID, body: error.error,
}));
