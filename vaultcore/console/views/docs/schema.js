// Fields of an OpenAPI description as rows, like vaultcore/web/admin/page.py does for /admin/docs.

const DEEPEST = 4; // tables within tables
const METHODS = ["get", "post", "put", "patch", "delete"];

/** The operations of a description: { id, method, path, tag, text, tables: [{ title, rows: [{ name, kind, text }] }] }. */
export function operations(description) {
  const parts = description.components?.schemas ?? {};
  const prefix = (description.servers?.[0]?.url ?? "").replace(/\/$/, "");
  return Object.entries(description.paths).flatMap(([path, item]) => METHODS.filter((method) => item[method]).map((method) => {
    const told = item[method];
    const tables = [
      { title: "Parameters", rows: (told.parameters ?? []).map((each) =>
        row(`${each.name} (${each.in})`, each.schema, parts, each.description, each.required && each.in !== "path")) },
      table("Body", told.requestBody, parts, true),
      ...Object.entries(told.responses).filter(([status]) => status.startsWith("2")).map(([status, answer]) => table(`Answer ${status}`, answer, parts, false)),
    ];
    return {
      id: `${method} ${path}`, method: method.toUpperCase(), path: `${prefix}${path}`, tag: told.tags?.[0] ?? "other",
      text: told.description ?? told.summary ?? "", tables: tables.filter(({ rows }) => rows.length),
    };
  }));
}

const table = (title, message, parts, sent) => {
  const schema = message?.content?.["application/json"]?.schema;
  return { title, rows: schema ? fields(schema, parts, "", DEEPEST, sent) : [] };
};

/** A row for each field, and for those of the objects in it. */
function fields(schema, parts, before, left, sent) {
  const known = resolved(schema, parts);
  if (known.type === "array") return fields(known.items ?? {}, parts, `${before}[]`, left, sent);
  return Object.entries(known.properties ?? {}).flatMap(([name, field]) => {
    const where = `${before}.${name}`.replace(/^\./, "");
    const needed = sent && !before && (known.required ?? []).includes(name);
    return [row(where, field, parts, "", needed), ...(left > 0 ? fields(inner(field, parts), parts, where, left - 1, sent) : [])];
  });
}

/** The schema of what a field holds: of the one choice that is no null. */
function inner(field, parts) {
  const found = resolved(field, parts);
  const choices = (found.anyOf ?? []).filter((each) => each.type !== "null");
  return choices.length === 1 ? inner(choices[0], parts) : found;
}

const resolved = (schema, parts) => (schema.$ref ? parts[schema.$ref.split("/").at(-1)] ?? {} : schema);

function row(name, field, parts, said, needed) {
  const preset = field.default === undefined || field.default === null ? "" : `(default ${String(field.default)})`;
  const text = said || field.description || inner(field, parts).description || "";
  return { name, kind: kind(field, parts), text: [needed ? "needed;" : "", text, preset].filter(Boolean).join(" ") };
}

function kind(field, parts) {
  const found = resolved(field, parts);
  if (found.enum) return found.enum.join(" | ");
  if (found.anyOf) return [...new Set(found.anyOf.map((each) => kind(each, parts)))].join(" | ");
  if (found.type === "array") return `list of ${kind(found.items ?? {}, parts)}`;
  return String(found.type ?? "any");
}
