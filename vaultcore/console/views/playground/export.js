// Exports a run of the playground: request, response and the gateway's report.

/** Save a run as a JSON file. It contains no key. */
export function save(run) {
  const data = {
    request: run.sent,
    answer: {
      text: run.text, thought: run.thought || undefined, refusal: run.refusal || undefined,
      tool_calls: run.calls.length ? run.calls : undefined, finish_reason: run.finish, raw: run.raw,
    },
    error: run.error ? { status: run.error.status, code: run.error.code, message: run.error.message, attempts: run.error.attempts } : undefined,
    usage: run.usage, response_ms: Math.round(run.ms), first_token_ms: run.first === null ? null : Math.round(run.first),
    gateway: run.headers, translation: run.changes, log: run.entry ?? undefined,
  };
  const url = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: "application/json" }));
  const link = document.createElement("a");
  Object.assign(link, { href: url, download: `playground-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.json` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1_000);
}
