// Sample code in three languages, with this gateway's address.

/** Return { language: code } for a base URL and a model, with a placeholder for the key. */
export const snippets = (base, model = "gpt-4o-mini") => ({
  Python: `from openai import OpenAI

client = OpenAI(base_url=${JSON.stringify(base)}, api_key="vg_...")
response = client.chat.completions.create(
    model=${JSON.stringify(model)},
    messages=[{"role": "user", "content": "Hello"}],
)
print(response.choices[0].message.content)`,
  Node: `import OpenAI from "openai";

const client = new OpenAI({ baseURL: ${JSON.stringify(base)}, apiKey: "vg_..." });
const response = await client.chat.completions.create({
  model: ${JSON.stringify(model)},
  messages: [{ role: "user", content: "Hello" }],
});
console.log(response.choices[0].message.content);`,
  curl: `curl ${base}/chat/completions \\
  -H "Authorization: Bearer vg_..." \\
  -H "Content-Type: application/json" \\
  -d '${JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] }).replaceAll("'", "'\\''")}'`,
});
