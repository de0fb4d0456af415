"""`/admin/docs`: the OpenAPI description of the admin API as one HTML page without scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from starlette.responses import Response

from vaultcore.web.console import HEADERS
from vaultcore.wire import Json

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2024 }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem; border-top: 1px solid #d9dce0; padding-top: 1rem; font-size: 1.1rem }
h3 { font-size: .9rem; margin: 1rem 0 .2rem; color: #60646c }
code, .method { font-family: ui-monospace, monospace } .method { font-weight: 700; margin-right: .5rem }
table { border-collapse: collapse; width: 100% }
td { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; border-top: 1px solid #eceef0 }
 td:first-child { white-space: nowrap }
@media (prefers-color-scheme: dark) {
  body { background: #16181b; color: #e6e8ea }
  td, h2 { border-color: #33373c }
}
"""
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
METHODS = ("get", "post", "put", "patch", "delete")
MAX_DEPTH = 4  # levels of fields below a body's own fields

Schemas = Mapping[str, Json]  # the description's `components.schemas`


def docs_response(description: Json, prefix: str) -> Response:
    """Return the page with a content security policy that allows only its own style."""
    headers = {**HEADERS, "cache-control": "no-store", "content-security-policy": POLICY}
    return Response(render_page(description, prefix), headers=headers, media_type="text/html")


def render_page(description: Json, prefix: str) -> str:
    """Return an OpenAPI description as HTML. Paths start with `prefix`."""
    info = description["info"]
    body = "".join(_operations(description, prefix))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(info["title"])}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(info['title'])}</h1>"
        f"<p>{escape(info.get('description', ''))}</p>{body}</body></html>"
    )


def _operations(description: Json, prefix: str) -> Iterator[str]:
    schemas = description.get("components", {}).get("schemas", {})
    for path, item in description["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            operation = item[method]
            url = f"{escape(prefix)}{escape(path)}"
            yield f'<h2><span class="method">{method.upper()}</span><code>{url}</code></h2>'
            yield f"<p>{escape(operation.get('description', operation.get('summary', '')))}</p>"
            yield _parameters(operation.get("parameters", ()), schemas)
            yield _schema("Body", _json_schema(operation.get("requestBody", {})), schemas, mark_required=True)
            for status, response in operation["responses"].items():
                if status.startswith("2"):
                    yield _schema(f"Response {status}", _json_schema(response), schemas)


def _json_schema(body: Json) -> Json | None:
    schema: Json | None = body.get("content", {}).get("application/json", {}).get("schema")
    return schema


def _parameters(parameters: Any, schemas: Schemas) -> str:
    rows = [
        _row(f"{each['name']} ({each['in']})", each["schema"], schemas, each.get("description", ""))
        for each in parameters
    ]
    return _table("Parameters", rows)


def _schema(title: str, schema: Json | None, schemas: Schemas, *, mark_required: bool = False) -> str:
    if schema is None:
        return ""
    return _table(title, list(_fields(schema, schemas, "", MAX_DEPTH, mark_required=mark_required)))


def _fields(
    schema: Json, schemas: Schemas, parent: str, depth_left: int, *, mark_required: bool
) -> Iterator[str]:
    """Yield a row for each field, followed by rows for the fields of its objects."""
    schema = _resolve(schema, schemas)
    if schema.get("type") == "array":
        items = schema.get("items", {})
        yield from _fields(items, schemas, f"{parent}[]", depth_left, mark_required=mark_required)
        return
    required = schema.get("required", ()) if mark_required and not parent else ()
    for name, field in schema.get("properties", {}).items():
        path = f"{parent}.{name}".lstrip(".")
        yield _row(path, field, schemas, "", required=name in required)
        if depth_left > 0:
            inner = _unwrap_optional(field, schemas)
            yield from _fields(inner, schemas, path, depth_left - 1, mark_required=mark_required)


def _unwrap_optional(field: Json, schemas: Schemas) -> Json:
    """Return a field's schema; of one that is `X | null`, the schema of X."""
    schema = _resolve(field, schemas)
    choices = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return _unwrap_optional(choices[0], schemas) if len(choices) == 1 else schema


def _resolve(schema: Json, schemas: Schemas) -> Json:
    name = schema.get("$ref", "").rpartition("/")[2]
    return schemas.get(name, {}) if name else schema


def _row(name: str, field: Json, schemas: Schemas, description: str, *, required: bool = False) -> str:
    inner = _unwrap_optional(field, schemas)
    text = description or field.get("description") or inner.get("description", "")
    if "default" in field and field["default"] is not None:
        text = f"{text} (default {field['default']})".strip()
    cells = f"<td><code>{escape(name)}</code></td><td>{escape(_type_name(field, schemas))}</td>"
    return f"<tr>{cells}<td>{escape(('required; ' if required else '') + text)}</td></tr>"


def _type_name(field: Json, schemas: Schemas) -> str:
    schema = _resolve(field, schemas)
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type_name(each, schemas) for each in schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_type_name(schema.get('items', {}), schemas)}"
    return str(schema.get("type", "any"))


def _table(title: str, rows: list[str]) -> str:
    return f"<h3>{escape(title)}</h3><table>{''.join(rows)}</table>" if rows else ""
