// What a Node program sees through the official `openai` package, as one JSON object on stdout.
// Arguments: the folder with node_modules, the base URL. The key comes on stdin.

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

async function caught(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return { kind: error.constructor.name, status: error.status, code: error.code, param: error.param };
  }
}

async function through(model) {
  const whole = await client.chat.completions.create({ model, messages: question });
  const pieces = [];
  for await (const chunk of await client.chat.completions.create({ model, messages: question, stream: true })) {
    pieces.push(chunk.choices[0].delta.content ?? "");
  }
  const folded = await client.chat.completions.stream({ model, messages: calls, tools }).finalChatCompletion();
  return {
    whole: whole.choices[0].message.content,
    streamed: pieces.join(""),
    pieces: pieces.length,
    finish: folded.choices[0].finish_reason,
    called: folded.choices[0].message.tool_calls.map((call) => [call.function.name, call.function.arguments]),
  };
}

const stranger = new OpenAI({ baseURL, apiKey: `ve-${"0".repeat(48)}`, maxRetries: 0 });
const { data } = await client.models.list();
const { response } = await client.chat.completions.create({ model: "fast-llm", messages: question }).withResponse();

console.log(JSON.stringify({
  openai: await through("openai/gpt-4o-mini"),
  anthropic: await through("anthropic/claude-simulated"),
  listed: data.map((model) => model.id),
  provider: response.headers.get("x-vaultedge-provider"),
  refused: await caught(stranger.chat.completions.create({ model: "fast-llm", messages: question })),
  unknown: await caught(client.chat.completions.create({ model: "no-such-model", messages: question })),
  wrong: await caught(client.chat.completions.create({ model: "fast-llm", messages: "hello" })),
}));
