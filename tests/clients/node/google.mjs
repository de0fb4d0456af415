// Runs a scenario with @google/genai over /v1beta.
import { main, MAX_TURNS, runTool, TOOLS } from "./scenario.mjs";

async function run({ GoogleGenAI }, scenario, transcript) {
  const client = new GoogleGenAI({ apiKey: scenario.key, httpOptions: { baseUrl: scenario.url } });
  const thinking = scenario.reasoning ? { thinkingConfig: { includeThoughts: true, thinkingBudget: 2000 } } : {};
  const functionDeclarations = TOOLS.map(({ name, description, schema }) => ({
    name, description, parametersJsonSchema: schema,
  }));
  if (scenario.runner) return runWithRunner(client, functionDeclarations, scenario, transcript);
  const config = { tools: [{ functionDeclarations }], ...thinking };
  const contents = [{ role: "user", parts: [{ text: scenario.prompt }] }];
  for (let turn = 0; turn < MAX_TURNS; turn += 1) {
    transcript.fragments = 0;
    const parts = await generate(client, { model: scenario.model, contents, config }, scenario.stream, transcript);
    const calls = parts.filter((part) => part.functionCall).map((part) => part.functionCall);
    transcript.addTurn(calls.map((call) => [call.name, call.args ?? {}]));
    const texts = (isThought) => parts.filter((part) => part.text && Boolean(part.thought) === isThought);
    transcript.text = texts(false).map((part) => part.text).join("");
    if (turn === 0) transcript.reasoning = texts(true).map((part) => part.text).join("");
    if (!calls.length) return;
    const results = calls.map(({ id, name, args }) => ({
      functionResponse: { id, name, response: { output: runTool(name, args ?? {}) } },
    }));
    contents.push({ role: "model", parts }, { role: "user", parts: results });
  }
}

/** Return the parts of a response; of a streamed one, those of all its chunks. */
async function generate(client, request, isStreaming, transcript) {
  const partsOf = (response) => response.candidates?.[0]?.content?.parts ?? [];
  if (!isStreaming) return partsOf(await client.models.generateContent(request));
  const parts = [];
  for await (const chunk of await client.models.generateContentStream(request)) {
    if (chunk.text) transcript.fragments += 1;
    parts.push(...partsOf(chunk));
  }
  return parts;
}

async function runWithRunner(client, functionDeclarations, { model, prompt, stream }, transcript) {
  const callable = {
    tool: async () => ({ functionDeclarations }),
    callTool: async (calls) => {
      transcript.addTurn(calls.map((call) => [call.name, call.args ?? {}]));
      return calls.map(({ id, name, args }) => ({
        functionResponse: { id, name, response: { output: runTool(name, args ?? {}) } },
      }));
    },
  };
  const request = { model, contents: prompt, config: { tools: [callable] } };
  if (!stream) {
    transcript.text = (await client.models.generateContent(request)).text ?? "";
    return;
  }
  for await (const chunk of await client.models.generateContentStream(request)) transcript.text += chunk.text ?? "";
}

await main("@google/genai", run, ({ message }) => {
  try {
    return { body: JSON.parse(message) };
  } catch {
    return { body: message };
  }
});
