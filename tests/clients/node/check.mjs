// Calls a gateway with the Vercel AI SDK and prints the results as one JSON object.
// Arguments: the folder with node_modules, the base URL, an image in base64, models. Reads the key from stdin.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, baseURL, image, ...models] = process.argv.slice(2);
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
    { type: "image", image, mediaType: "image/png" },
  ],
}];

async function collect(iterable) {
  const items = [];
  for await (const item of iterable) items.push(item);
  return items;
}

async function run(name) {
  const model = gateway(name);
  const settings = { model, maxRetries: 0, onError: ({ error }) => { throw error; } };
  const buffered = await generateText({ ...settings, messages, tools: { weather }, stopWhen: stepCountIs(3) });
  const streamed = streamText({ ...settings, messages, tools: { weather }, stopWhen: stepCountIs(3) });
  const fragments = await collect(streamed.textStream);
  const object = streamText({ ...settings, prompt: "where is it?", output: Output.object({ schema: place }) });
  const partial = await collect(object.partialOutputStream);
  return {
    buffered: buffered.text,
    steps: buffered.steps.map((step) => step.finishReason),
    calls: buffered.steps[0].toolCalls.map((call) => [call.toolName, call.input]),
    streamed: fragments.join(""),
    tokens: (await streamed.totalUsage).totalTokens,
    partial: partial.length,
    object: await object.output,
  };
}

const results = {};
for (const name of models) results[name] = await run(name);
console.log(JSON.stringify(results));
