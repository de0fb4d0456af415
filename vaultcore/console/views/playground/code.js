// Converts a request into code for Python, Node and curl, with this gateway's address and a placeholder for the key.

/** Return { language: code } for a request. */
export function programs(base, path, body) {
  const image = path.endsWith("generations");
  return { Python: python(base, image, body), Node: node(base, image, body), curl: curl(base, path, body) };
}

function python(base, image, body) {
  const call = image ? "images.generate" : "chat.completions.create";
  const fields = Object.entries(body).map(([name, value]) => `    ${name}=${literal(value, 1)},`).join("\n");
  const after = image
    ? "for picture in response.data:\n    print(picture.url or len(picture.b64_json))"
    : body.stream
      ? 'for chunk in response:\n    if chunk.choices and chunk.choices[0].delta.content:\n        print(chunk.choices[0].delta.content, end="", flush=True)'
      : `print(response.choices[0].message.${body.tools ? "tool_calls or response.choices[0].message.content" : "content"})`;
  return `from openai import OpenAI\n\nclient = OpenAI(base_url=${JSON.stringify(base)}, api_key="vg_...")\nresponse = client.${call}(\n${fields}\n)\n${after}`;
}

function node(base, image, body) {
  const call = image ? "images.generate" : "chat.completions.create";
  const after = image
    ? "for (const picture of response.data) console.log(picture.url ?? picture.b64_json.length);"
    : body.stream
      ? 'for await (const chunk of response) process.stdout.write(chunk.choices[0]?.delta?.content ?? "");'
      : `console.log(response.choices[0].message${body.tools ? "" : ".content"});`;
  return `import OpenAI from "openai";\n\nconst client = new OpenAI({ baseURL: ${JSON.stringify(base)}, apiKey: "vg_..." });\nconst response = await client.${call}(${JSON.stringify(body, null, 2)});\n${after}`;
}

function curl(base, path, body) {
  const quoted = JSON.stringify(body, null, 2).replaceAll("'", "'\\''");
  return `curl ${body.stream ? "-N " : ""}${base}/${path.replace(/^v1\//, "")} \\
  -H "Authorization: Bearer vg_..." \\
  -H "Content-Type: application/json" \\
  -d '${quoted}'`;
}

/** Return JSON as a Python literal. JSON strings are valid Python strings. */
function literal(value, depth) {
  const pad = "    ".repeat(depth);
  if (value === null) return "None";
  if (value === true || value === false) return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const lines = Array.isArray(value)
    ? value.map((each) => literal(each, depth + 1))
    : Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${literal(each, depth + 1)}`);
  return lines.length ? `${open}\n${lines.map((line) => `${pad}    ${line},\n`).join("")}${pad}${close}` : open + close;
}
