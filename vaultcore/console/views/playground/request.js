// What the playground's fields ask for, as a request; and what is wrong with them, field by field.

export const FIRST = Object.freeze({
  model: null, system: "", prompt: "", temperature: "", top_p: "", max_tokens: "", stream: true,
  tools: "", choice: "auto", format: "text", schema: "", size: "", count: "1", given: "b64_json",
});

export const TOOLS = JSON.stringify([{
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather at a place, now",
    parameters: { type: "object", properties: { place: { type: "string" } }, required: ["place"] },
  },
}], null, 2);

export const SCHEMA = JSON.stringify({
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
}, null, 2);

/** { path, body, wrong }: `wrong` names fields and what is wrong with them, and is empty where all is well. */
export function request(form, kind) {
  const wrong = {};
  if (!form.model.trim()) wrong.model = "Choose a model.";
  if (!form.prompt.trim()) wrong.prompt = "Write something to ask.";
  const body = kind === "image" ? pictures(form, wrong) : chat(form, wrong);
  return { path: kind === "image" ? "v1/images/generations" : "v1/chat/completions", body, wrong };
}

function chat(form, wrong) {
  const system = form.system.trim() ? [{ role: "system", content: form.system }] : [];
  const body = { model: form.model.trim(), messages: [...system, { role: "user", content: form.prompt }] };
  put(body, "temperature", figure(form, "temperature", wrong, { most: 2 }));
  put(body, "top_p", figure(form, "top_p", wrong, { most: 1 }));
  put(body, "max_completion_tokens", figure(form, "max_tokens", wrong, { least: 1, whole: true }));
  const tools = form.tools.trim() ? listed(parsed(form, "tools", wrong), wrong) : null;
  if (tools) Object.assign(body, { tools, tool_choice: form.choice });
  if (form.format === "json_object") body.response_format = { type: "json_object" };
  if (form.format === "json_schema") {
    const schema = parsed(form, "schema", wrong);
    body.response_format = { type: "json_schema", json_schema: { name: "answer", schema, strict: true } };
  }
  return form.stream ? { ...body, stream: true, stream_options: { include_usage: true } } : body;
}

function pictures(form, wrong) {
  const body = { model: form.model.trim(), prompt: form.prompt };
  put(body, "n", figure(form, "count", wrong, { least: 1, most: 10, whole: true }));
  if (form.size.trim()) body.size = form.size.trim();
  if (form.given) body.response_format = form.given;
  return body;
}

function put(body, name, value) {
  if (value !== undefined) body[name] = value;
}

function figure(form, name, wrong, { least = 0, most = Infinity, whole = false }) {
  if (!String(form[name]).trim()) return undefined;
  const value = Number(form[name]);
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  const span = most === Infinity ? `${least} or more` : `${least} to ${most}`;
  wrong[name] = `A ${whole ? "whole number" : "number"}, ${span}.`;
  return undefined;
}

function parsed(form, name, wrong) {
  try {
    const found = JSON.parse(form[name]);
    if (found !== null && typeof found === "object") return found;
    wrong[name] = "This must be a JSON object or list.";
  } catch (error) {
    wrong[name] = `This is no JSON: ${error.message}`;
  }
  return null;
}

/** Tools as chat completions take them; one alone, or bare functions, are wrapped. */
function listed(given, wrong) {
  if (given === null) return null;
  const tools = (Array.isArray(given) ? given : [given]).map((each) =>
    (each && typeof each === "object" && !each.type && each.name ? { type: "function", function: each } : each));
  if (tools.every((each) => each && typeof each === "object" && typeof each.type === "string")) return tools.length ? tools : null;
  wrong.tools = "Each tool needs a type, or at least a name.";
  return null;
}
