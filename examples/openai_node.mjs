// Use the gateway with OpenAI's Node SDK. Set OPENAI_BASE_URL, OPENAI_API_KEY and MODEL.

import OpenAI from "openai";

const client = new OpenAI(); // reads OPENAI_BASE_URL and OPENAI_API_KEY
const model = process.env.MODEL ?? "claude-haiku-4-5";
const messages = [{ role: "user", content: "Why is the sky blue?" }];

// A completion, with the gateway's response headers.
const { data, response } = await client.chat.completions.create({ model, messages }).withResponse();
console.log("completion:", data.choices[0].message.content);
console.log("provider:", response.headers.get("x-vaultedge-provider"));
console.log("attempts:", response.headers.get("x-vaultedge-attempts"));
console.log("cost:", response.headers.get("x-vaultedge-cost-usd") ?? "unknown");

// A stream.
process.stdout.write("stream: ");
for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}
process.stdout.write("\n");

// An error has OpenAI's error class and the gateway's code.
try {
  await client.chat.completions.create({ model: "no-such-model", messages });
} catch (error) {
  console.log("error:", error.status, error.code);
}
