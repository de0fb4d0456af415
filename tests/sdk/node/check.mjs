// Calls a gateway with the official `openai` package and prints the results as one JSON object.
// Arguments: the folder with node_modules, the base URL. Reads the key from stdin.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [modules, baseURL] = process.argv.slice(2);
const OpenAI = createRequire(`${modules}/`)("openai");
const client = new OpenAI({ baseURL, apiKey: readFileSync(0, "utf8").trim(), maxRetries: 0 });

const question = [{ role: "user", content: "why is the sky blue?" }];
const calls = [{ role: "user", content: "call weather, then now" }];
const tools = [
  { type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } } },
  { type: "function", function: { name: "now", parameters: { type: "object", properties: {} } } },
];

async function errorOf(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return { kind: error.constructor.name, status: error.status, code: error.code, param: error.param };
  }
}

async function run(model) {
  const buffered = await client.chat.completions.create({ model, messages: question });
  const fragments = [];
  for await (const chunk of await client.chat.completions.create({ model, messages: question, stream: true })) {
    fragments.push(chunk.choices[0].delta.content ?? "");
  }
  const accumulated = await client.chat.completions.stream({ model, messages: calls, tools }).finalChatCompletion();
  return {
    buffered: buffered.choices[0].message.content,
    streamed: fragments.join(""),
    fragments: fragments.length,
    finish: accumulated.choices[0].finish_reason,
    calls: accumulated.choices[0].message.tool_calls.map((call) => [call.function.name, call.function.arguments]),
  };
}

const stranger = new OpenAI({ baseURL, apiKey: `ve-${"0".repeat(48)}`, maxRetries: 0 });
const { data } = await client.models.list();
const { response } = await client.chat.completions.create({ model: "fast-llm", messages: question }).withResponse();

console.log(JSON.stringify({
  openai: await run("openai/gpt-4o-mini"),
  anthropic: await run("anthropic/claude-simulated"),
  models: data.map((model) => model.id),
  provider: response.headers.get("x-vaultedge-provider"),
  unauthenticated: await errorOf(stranger.chat.completions.create({ model: "fast-llm", messages: question })),
  unknown: await errorOf(client.chat.completions.create({ model: "no-such-model", messages: question })),
  invalid: await errorOf(client.chat.completions.create({ model: "fast-llm", messages: "hello" })),
}));
