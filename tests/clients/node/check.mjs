// The Vercel AI SDK against a served gateway: prints what it saw as JSON. Arguments: modules, base URL, models;
// the key is read from standard input.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, baseURL, picture, ...models] = process.argv.slice(2);
const apiKey = readFileSync(0, "utf8").trim();
const { resolve } = createRequire(`${modules}/`);
const load = (name) => import(pathToFileURL(resolve(name)));
const { generateText, jsonSchema, Output, stepCountIs, streamText, tool } = await load("ai");
const { createOpenAICompatible } = await load("@ai-sdk/openai-compatible");

const gateway = createOpenAICompatible({
  name: "vaultedge", baseURL, apiKey, includeUsage: true, supportsStructuredOutputs: true,
});
const weather = tool({
  description: "The weather of a city.",
  inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"] }),
  execute: async ({ city }) => `sunny in ${city}`,
});
const place = jsonSchema({
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city", "days"],
  additionalProperties: false,
});
const messages = [{
  role: "user",
  content: [
    { type: "text", text: "call weather, then weather, for this picture" },
    { type: "image", image: picture, mediaType: "image/png" },
  ],
}];

async function all(iterable) {
  const seen = [];
  for await (const each of iterable) seen.push(each);
  return seen;
}

async function through(name) {
  const model = gateway(name);
  const settings = { model, maxRetries: 0, onError: ({ error }) => { throw error; } };
  const whole = await generateText({ ...settings, messages, tools: { weather }, stopWhen: stepCountIs(3) });
  const streamed = streamText({ ...settings, messages, tools: { weather }, stopWhen: stepCountIs(3) });
  const pieces = await all(streamed.textStream);
  const object = streamText({ ...settings, prompt: "where is it?", output: Output.object({ schema: place }) });
  const partial = await all(object.partialOutputStream);
  return {
    whole: whole.text,
    steps: whole.steps.map((step) => step.finishReason),
    calls: whole.steps[0].toolCalls.map((call) => [call.toolName, call.input]),
    streamed: pieces.join(""),
    tokens: (await streamed.totalUsage).totalTokens,
    partial: partial.length,
    object: await object.output,
  };
}

const seen = {};
for (const name of models) seen[name] = await through(name);
console.log(JSON.stringify(seen));
