// Converts an OpenAPI description into table rows, like vaultcore/web/admin/page.py does for /admin/docs.

const MAX_DEPTH = 4; // tables within tables
const METHODS = ["get", "post", "put", "patch", "delete"];

/** Return the operations of a description: { id, method, path, tag, text, tables: [{ title, rows: [{ name, kind, text }] }] }. */
export function operations(description) {
  const parts = description.components?.schemas ?? {};
  const prefix = (description.servers?.[0]?.url ?? "").replace(/\/$/, "");
  return Object.entries(description.paths).flatMap(([path, item]) => METHODS.filter((method) => item[method]).map((method) => {
    const operation = item[method];
    const tables = [
      { title: "Parameters", rows: (operation.parameters ?? []).map((each) =>
        row(`${each.name} (${each.in})`, each.schema, parts, each.description, each.required && each.in !== "path")) },
      table("Body", operation.requestBody, parts, true),
      ...Object.entries(operation.responses).filter(([status]) => status.startsWith("2")).map(([status, response]) => table(`Response ${status}`, response, parts, false)),
    ];
    return {
      id: `${method} ${path}`, method: method.toUpperCase(), path: `${prefix}${path}`, tag: operation.tags?.[0] ?? "other",
      text: operation.description ?? operation.summary ?? "", tables: tables.filter(({ rows }) => rows.length),
    };
  }));
}

const table = (title, message, parts, sent) => {
  const schema = message?.content?.["application/json"]?.schema;
  return { title, rows: schema ? fields(schema, parts, "", MAX_DEPTH, sent) : [] };
};

/** Return a row for each field, including nested objects. */
function fields(schema, parts, before, depth, sent) {
  const resolved = resolve(schema, parts);
  if (resolved.type === "array") return fields(resolved.items ?? {}, parts, `${before}[]`, depth, sent);
  return Object.entries(resolved.properties ?? {}).flatMap(([name, field]) => {
    const where = `${before}.${name}`.replace(/^\./, "");
    const isRequired = sent && !before && (resolved.required ?? []).includes(name);
    return [row(where, field, parts, "", isRequired), ...(depth > 0 ? fields(inner(field, parts), parts, where, depth - 1, sent) : [])];
  });
}

/** Return a field's schema. For `anyOf` with one choice besides null, return that choice. */
function inner(field, parts) {
  const schema = resolve(field, parts);
  const choices = (schema.anyOf ?? []).filter((each) => each.type !== "null");
  return choices.length === 1 ? inner(choices[0], parts) : schema;
}

const resolve = (schema, parts) => (schema.$ref ? parts[schema.$ref.split("/").at(-1)] ?? {} : schema);

function row(name, field, parts, description, isRequired) {
  const preset = field.default === undefined || field.default === null ? "" : `(default ${String(field.default)})`;
  const text = description || field.description || inner(field, parts).description || "";
  return { name, kind: kind(field, parts), text: [isRequired ? "required;" : "", text, preset].filter(Boolean).join(" ") };
}

function kind(field, parts) {
  const schema = resolve(field, parts);
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.anyOf) return [...new Set(schema.anyOf.map((each) => kind(each, parts)))].join(" | ");
  if (schema.type === "array") return `list of ${kind(schema.items ?? {}, parts)}`;
  return String(schema.type ?? "any");
}
