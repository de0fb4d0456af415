// Runs scenarios with an official SDK. The argument is the folder with node_modules. Each line of stdin is a scenario,
// a JSON object:
//
//   url, key   the gateway's URL without /v1, and its key
//   api        the client API
//   model      the model to call
//   prompt     the question; it names the tools to call
//   stream     true for streamed responses
//   runner     true if the SDK runs the tools itself
//   reasoning  true to ask for reasoning
//
// For each scenario it prints one line, a JSON object: the tool calls of each turn, the text of the last one, the
// reasoning of the first one, and the number of text fragments. If the SDK throws, it is `{"error": {...}}`.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

export const MAX_TURNS = 4;

export const TOOLS = [
  {
    name: "weather",
    description: "The weather of a city.",
    schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    run: ({ city }) => `sunny in ${city}`,
  },
  { name: "now", description: "The time.", schema: { type: "object", properties: {} }, run: () => "noon" },
];

export const runTool = (name, input) => TOOLS.find((tool) => tool.name === name).run(input);

/** Collects what a scenario prints. */
export class Transcript {
  calls = [];
  reasoning = "";
  text = "";
  fragments = 0;

  /** Record the tool calls of one turn, `[name, input]` each. */
  addTurn(calls) {
    if (calls.length) this.calls.push(calls);
  }
}

/** Read scenarios, run each with the SDK's module, and print the outcomes. */
export async function main(sdk, run, describeError) {
  const { resolve } = createRequire(`${process.argv[2]}/`);
  const load = (name) => import(pathToFileURL(resolve(name)));
  const module = await load(sdk);
  for await (const line of createInterface({ input: process.stdin })) {
    const outcome = await outcomeOf(run, module, JSON.parse(line), load, describeError);
    console.log(JSON.stringify(outcome));
  }
}

async function outcomeOf(run, module, scenario, load, describeError) {
  const transcript = new Transcript();
  try {
    await run(module, scenario, transcript, load);
    return transcript;
  } catch (error) {
    const { name } = error.constructor;
    return { error: { class: name, status: error.status, message: error.message, ...describeError(error) } };
  }
}
