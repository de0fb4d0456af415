// The table of contents of the documentation. The files are the repository's own, below docs/.

/** [section, entries]. An entry is { id, title, file } with `but` (headings of that file that are left out), or a page without a file. */
export const SECTIONS = [
  ["Getting started", [
    { id: "start", title: "Quickstart", file: "README.md", but: ["More"] },
    { id: "api", title: "API overview", file: "api.md" },
    { id: "errors", title: "Errors", file: "errors.md" },
    { id: "settings", title: "Settings", file: "settings.md" },
  ]],
  ["API", [
    { id: "messages", title: "Messages (Anthropic)", file: "messages.md" },
    { id: "responses", title: "Responses", file: "responses.md" },
    { id: "gemini-api", title: "Gemini API (Google)", file: "gemini-api.md" },
    { id: "embeddings-and-images", title: "Embeddings, images, moderations", file: "embeddings-and-images.md" },
    { id: "gemini", title: "Gemini models", file: "gemini.md" },
    { id: "clients", title: "Connect a client", file: "clients.md" },
    { id: "idempotency", title: "Idempotency-Key", file: "idempotency.md" },
    { id: "support-matrix", title: "What a provider receives", file: "support-matrix.md" },
    { id: "admin", title: "Admin API reference" },
  ]],
  ["Operations", [
    { id: "providers", title: "Providers and models", file: "providers.md" },
    { id: "keys", title: "Keys, limits and budgets", file: "keys.md" },
    { id: "prices", title: "Prices", file: "prices.md" },
    { id: "alerts", title: "Alerts", file: "alerts.md" },
    { id: "monitoring", title: "Monitoring", file: "monitoring.md" },
    { id: "ledger", title: "Ledger", file: "ledger.md" },
    { id: "vault", title: "Vault formats", file: "vault.md" },
    { id: "cli", title: "Command line", file: "cli.md" },
    { id: "serve", title: "Operate a server", file: "serve.md" },
    { id: "deployment", title: "Deploy to AWS", file: "deployment.md" },
    { id: "security", title: "Security", file: "SECURITY.md" },
  ]],
  ["Internals", [
    { id: "architecture", title: "Architecture", file: "architecture.md" },
    { id: "behaviours", title: "Translation behaviours", file: "behaviours.md" },
    { id: "new-dialect", title: "Add a dialect", file: "new-dialect.md" },
    { id: "performance", title: "Performance", file: "performance.md" },
    { id: "console", title: "Console", file: "console.md" },
  ]],
];

export const ENTRIES = SECTIONS.flatMap(([, entries]) => entries);

/** Return the entry with an id, or the first entry. */
export const findEntry = (id) => ENTRIES.find((each) => each.id === id) ?? ENTRIES[0];
