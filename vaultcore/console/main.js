// The console's first page: where the gateway is, how it is, what it serves. Nothing is kept, all is textContent.

const root = location.href.slice(0, location.href.lastIndexOf("/console"));
const base = `${root}/v1`;
const at = (id) => document.getElementById(id);

const snippets = (model) => ({
  Python: `from openai import OpenAI\n\nclient = OpenAI(base_url="${base}", api_key="ve-...")\nanswer = client.chat.completions.create(\n    model="${model}",\n    messages=[{"role": "user", "content": "Hello"}],\n)\nprint(answer.choices[0].message.content)`,
  Node: `import OpenAI from "openai";\n\nconst client = new OpenAI({ baseURL: "${base}", apiKey: "ve-..." });\nconst answer = await client.chat.completions.create({\n  model: "${model}",\n  messages: [{ role: "user", content: "Hello" }],\n});\nconsole.log(answer.choices[0].message.content);`,
  curl: `curl ${base}/chat/completions \\\n  -H "Authorization: Bearer ve-..." \\\n  -H "Content-Type: application/json" \\\n  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'`,
});

let model = "gpt-4o-mini";
let language = "Python";

function show() {
  at("snippet").textContent = snippets(model)[language];
  at("tabs").replaceChildren(...Object.keys(snippets(model)).map((name) => button(name, name === language, () => {
    language = name;
    show();
  })));
}

function button(text, pressed, onclick) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", textContent: text, onclick });
  made.setAttribute("aria-pressed", pressed);
  return made;
}

async function health() {
  const answer = await fetch(`${root}/health`, { cache: "no-store" }).catch(() => null);
  at("health").textContent = answer?.ok ? "up" : "not answering";
  at("health").dataset.state = answer?.ok ? "up" : "down";
}

async function list(event) {
  event.preventDefault();
  at("list").replaceChildren();
  at("said").textContent = "asking …";
  const headers = { authorization: `Bearer ${at("key").value.trim()}` };
  const answer = await fetch(`${base}/models`, { headers, cache: "no-store" }).catch(() => null);
  const body = await answer?.json().catch(() => null);
  if (!answer?.ok || !Array.isArray(body?.data)) {
    at("said").textContent = body?.error?.message ?? "The gateway did not answer.";
    return;
  }
  at("said").textContent = `${body.data.length} models. Choose one to put it into the lines below.`;
  at("list").replaceChildren(...body.data.map((row) => {
    const item = document.createElement("li");
    item.append(button(row.id, false, () => {
      model = row.id;
      show();
    }));
    return item;
  }));
}

async function copy({ target }) {
  const id = target.dataset?.copy;
  if (!id) return;
  await navigator.clipboard.writeText(at(id).textContent);
  target.textContent = "copied";
  setTimeout(() => (target.textContent = "copy"), 1200);
}

at("url").textContent = base;
at("ask").addEventListener("submit", list);
document.addEventListener("click", copy);
show();
health();
setInterval(health, 15_000);
