// What the documentation holds, in the order of its shelves. The files are the repository's own, below docs/.

/** [shelf, entries]; an entry is { id, title, file } with `only` or `but` (headings of that file), or a page of its own. */
export const SHELVES = [
  ["Begin", [
    { id: "start", title: "Using it", file: "README.md", but: ["Settings", "Errors", "More"] },
    { id: "api", title: "The API at a glance", file: "api.md" },
    { id: "errors", title: "Errors", file: "README.md", only: "Errors" },
    { id: "settings", title: "Settings", file: "README.md", only: "Settings" },
  ]],
  ["The API", [
    { id: "messages", title: "Messages (Anthropic)", file: "messages.md" },
    { id: "responses", title: "Responses", file: "responses.md" },
    { id: "embeddings-and-images", title: "Embeddings and images", file: "embeddings-and-images.md" },
    { id: "gemini", title: "Gemini", file: "gemini.md" },
    { id: "idempotency", title: "Idempotency-Key", file: "idempotency.md" },
    { id: "admin", title: "Admin API reference" },
  ]],
  ["Running it", [
    { id: "providers", title: "Providers and models", file: "providers.md" },
    { id: "keys", title: "Keys, limits and budgets", file: "keys.md" },
    { id: "prices", title: "Prices", file: "prices.md" },
    { id: "alerts", title: "Alerts", file: "alerts.md" },
    { id: "watching", title: "Watching it", file: "watching.md" },
    { id: "ledger", title: "The ledger", file: "ledger.md" },
    { id: "vault", title: "The vault's formats", file: "vault.md" },
    { id: "deployment", title: "Deploying to AWS", file: "deployment.md" },
    { id: "security", title: "Security", file: "SECURITY.md" },
  ]],
  ["Inside", [
    { id: "architecture", title: "How it is built", file: "architecture.md" },
    { id: "performance", title: "Performance", file: "performance.md" },
    { id: "console", title: "This console", file: "console.md" },
  ]],
];

export const ENTRIES = SHELVES.flatMap(([, entries]) => entries);

/** The entry with an id, or the first. */
export const entry = (id) => ENTRIES.find((each) => each.id === id) ?? ENTRIES[0];
