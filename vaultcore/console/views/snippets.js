// Code to begin with, in three languages, with this gateway's address.

/** { language: text } for a base URL and a model; the key is the reader's own. */
export const snippets = (base, model = "gpt-4o-mini") => ({
  Python: `from openai import OpenAI

client = OpenAI(base_url=${JSON.stringify(base)}, api_key="vg_...")
answer = client.chat.completions.create(
    model=${JSON.stringify(model)},
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)`,
  Node: `import OpenAI from "openai";

const client = new OpenAI({ baseURL: ${JSON.stringify(base)}, apiKey: "vg_..." });
const answer = await client.chat.completions.create({
  model: ${JSON.stringify(model)},
  messages: [{ role: "user", content: "Hello" }],
});
console.log(answer.choices[0].message.content);`,
  curl: `curl ${base}/chat/completions \\
  -H "Authorization: Bearer vg_..." \\
  -H "Content-Type: application/json" \\
  -d '${JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] }).replaceAll("'", "'\\''")}'`,
});
