// Runs a scenario with `openai`, over chat completions or Responses.
import { main, MAX_TURNS, runTool, TOOLS } from "./scenario.mjs";

async function run({ default: OpenAI }, scenario, transcript) {
  const client = new OpenAI({ apiKey: scenario.key, baseURL: `${scenario.url}/v1`, maxRetries: 0 });
  if (scenario.api === "responses") return runResponses(client, scenario, transcript);
  return scenario.runner ? runWithRunner(client, scenario, transcript) : runChat(client, scenario, transcript);
}

function chatFields({ model, reasoning }) {
  return { model, ...(reasoning ? { reasoning: { effort: "low", summary: "auto" } } : {}) };
}

async function runChat(client, scenario, transcript) {
  const messages = [{ role: "user", content: scenario.prompt }];
  const tools = TOOLS.map(({ name, description, schema }) => ({
    type: "function", function: { name, description, parameters: schema },
  }));
  for (let turn = 0; turn < MAX_TURNS; turn += 1) {
    transcript.fragments = 0;
    const completion = await complete(client, { ...chatFields(scenario), messages, tools }, scenario.stream, transcript);
    const { message, finish_reason: finish } = completion.choices[0];
    const calls = message.tool_calls ?? [];
    transcript.addTurn(calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]));
    transcript.text = message.content ?? "";
    if (turn === 0) transcript.reasoning = message.reasoning_content ?? "";
    if (finish !== "tool_calls") return;
    messages.push(message, ...calls.map((call) => ({
      role: "tool",
      tool_call_id: call.id,
      content: runTool(call.function.name, JSON.parse(call.function.arguments)),
    })));
  }
}

async function complete(client, body, isStreaming, transcript) {
  if (!isStreaming) return client.chat.completions.create(body);
  const stream = client.chat.completions.stream(body);
  stream.on("content", () => { transcript.fragments += 1; });
  const thoughts = [];
  stream.on("chunk", ({ choices }) => { thoughts.push(choices[0]?.delta.reasoning_content ?? ""); });
  const completion = await stream.finalChatCompletion();
  // Of a field that it does not know, the SDK keeps the last fragment only.
  if (thoughts.join("")) completion.choices[0].message.reasoning_content = thoughts.join("");
  return completion;
}

async function runWithRunner(client, scenario, transcript) {
  const tools = TOOLS.map(({ name, description, schema, run: call }) => ({
    type: "function",
    function: { name, description, parameters: schema, parse: JSON.parse, function: call },
  }));
  const messages = [{ role: "user", content: scenario.prompt }];
  const runner = client.chat.completions.runTools({
    ...chatFields(scenario), messages, tools, stream: scenario.stream,
  });
  transcript.text = await runner.finalContent();
  for (const message of runner.messages.filter((each) => each.role === "assistant")) {
    const calls = message.tool_calls ?? [];
    transcript.addTurn(calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]));
  }
}

async function runResponses(client, scenario, transcript) {
  const input = [{ role: "user", content: scenario.prompt }];
  const tools = TOOLS.map(({ name, description, schema }) => ({
    type: "function", name, description, parameters: schema, strict: false,
  }));
  const reasoning = scenario.reasoning
    ? { reasoning: { effort: "low", summary: "auto" }, include: ["reasoning.encrypted_content"] }
    : {};
  const fields = { model: scenario.model, tools, store: false, ...reasoning };
  for (let turn = 0; turn < MAX_TURNS; turn += 1) {
    transcript.fragments = 0;
    const response = await respond(client, { ...fields, input }, scenario.stream, transcript);
    const items = (type) => response.output.filter((item) => item.type === type);
    const calls = items("function_call");
    transcript.addTurn(calls.map((call) => [call.name, JSON.parse(call.arguments)]));
    transcript.text = response.output_text;
    if (turn === 0) transcript.reasoning = items("reasoning").flatMap(reasoningTexts).join("");
    if (!calls.length) return;
    input.push(...response.output, ...calls.map((call) => ({
      type: "function_call_output", call_id: call.call_id, output: runTool(call.name, JSON.parse(call.arguments)),
    })));
  }
}

const reasoningTexts = ({ summary, content }) => [...(content ?? []), ...summary].map((part) => part.text);

async function respond(client, body, isStreaming, transcript) {
  if (!isStreaming) return client.responses.create(body);
  const stream = client.responses.stream(body);
  stream.on("response.output_text.delta", () => { transcript.fragments += 1; });
  return stream.finalResponse();
}

await main("openai", run, ({ code, param, type, requestID }) => ({ code, param, type, requestId: requestID }));
