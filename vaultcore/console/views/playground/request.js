// Converts the playground's form into a request and validates its fields.

export const INITIAL = Object.freeze({
  model: null, system: "", prompt: "", temperature: "", top_p: "", max_tokens: "", stream: true,
  tools: "", choice: "auto", format: "text", schema: "", size: "", count: "1", given: "b64_json",
});

export const TOOLS = JSON.stringify([{
  type: "function",
  function: {
    name: "get_weather",
    description: "Current weather at a place",
    parameters: { type: "object", properties: { place: { type: "string" } }, required: ["place"] },
  },
}], null, 2);

export const SCHEMA = JSON.stringify({
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
}, null, 2);

/** Return { path, body, errors }; `errors` maps field names to messages and is empty for a valid form. */
export function toRequest(form, kind) {
  const errors = {};
  if (!form.model.trim()) errors.model = "Choose a model.";
  if (!form.prompt.trim()) errors.prompt = "Enter a prompt.";
  const body = kind === "image" ? imageBody(form, errors) : chatBody(form, errors);
  return { path: kind === "image" ? "v1/images/generations" : "v1/chat/completions", body, errors };
}

function chatBody(form, errors) {
  const system = form.system.trim() ? [{ role: "system", content: form.system }] : [];
  const body = { model: form.model.trim(), messages: [...system, { role: "user", content: form.prompt }] };
  put(body, "temperature", parseNumber(form, "temperature", errors, { most: 2 }));
  put(body, "top_p", parseNumber(form, "top_p", errors, { most: 1 }));
  put(body, "max_completion_tokens", parseNumber(form, "max_tokens", errors, { least: 1, whole: true }));
  const tools = form.tools.trim() ? toToolList(parseJson(form, "tools", errors), errors) : null;
  if (tools) Object.assign(body, { tools, tool_choice: form.choice });
  if (form.format === "json_object") body.response_format = { type: "json_object" };
  if (form.format === "json_schema") {
    const schema = parseJson(form, "schema", errors);
    body.response_format = { type: "json_schema", json_schema: { name: "answer", schema, strict: true } };
  }
  return form.stream ? { ...body, stream: true, stream_options: { include_usage: true } } : body;
}

function imageBody(form, errors) {
  const body = { model: form.model.trim(), prompt: form.prompt };
  put(body, "n", parseNumber(form, "count", errors, { least: 1, most: 10, whole: true }));
  if (form.size.trim()) body.size = form.size.trim();
  if (form.given) body.response_format = form.given;
  return body;
}

function put(body, name, value) {
  if (value !== undefined) body[name] = value;
}

function parseNumber(form, name, errors, { least = 0, most = Infinity, whole = false }) {
  if (!String(form[name]).trim()) return undefined;
  const value = Number(form[name]);
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  const span = most === Infinity ? `${least} or more` : `${least} to ${most}`;
  errors[name] = `Enter a ${whole ? "whole number" : "number"}: ${span}.`;
  return undefined;
}

function parseJson(form, name, errors) {
  try {
    const value = JSON.parse(form[name]);
    if (value !== null && typeof value === "object") return value;
    errors[name] = "Enter a JSON object or list.";
  } catch (error) {
    errors[name] = `Invalid JSON: ${error.message}`;
  }
  return null;
}

/** Return tools in the format of chat completions. A single tool and bare functions are wrapped. */
function toToolList(input, errors) {
  if (input === null) return null;
  const tools = (Array.isArray(input) ? input : [input]).map((each) =>
    (each && typeof each === "object" && !each.type && each.name ? { type: "function", function: each } : each));
  if (tools.every((each) => each && typeof each === "object" && typeof each.type === "string")) return tools.length ? tools : null;
  errors.tools = "Each tool needs a type or a name.";
  return null;
}
