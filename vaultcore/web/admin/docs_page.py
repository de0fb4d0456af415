"""`/admin/docs`: the documentation as one plain page without scripts, made of the OpenAPI description."""

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
HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
METHODS = ("get", "post", "put", "patch", "delete")
DEEPEST = 4  # tables within tables


def respond(description: Json, prefix: str) -> Response:
    """The page, under a policy that lets nothing but its style in."""
    headers = {**HEADERS, "cache-control": "no-store", "content-security-policy": POLICY}
    return Response(page(description, prefix), headers=headers, media_type="text/html")


def page(description: Json, prefix: str) -> str:
    """The description as HTML; paths stand below `prefix`."""
    info = description["info"]
    body = "".join(_operations(description, prefix))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(info["title"])}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(info['title'])}</h1>"
        f"<p>{escape(info.get('description', ''))}</p>{body}</body></html>"
    )


def _operations(description: Json, prefix: str) -> Iterator[str]:
    parts = description.get("components", {}).get("schemas", {})
    for path, item in description["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            operation = item[method]
            where = f"{escape(prefix)}{escape(path)}"
            yield f'<h2><span class="method">{method.upper()}</span><code>{where}</code></h2>'
            yield f"<p>{escape(operation.get('description', operation.get('summary', '')))}</p>"
            yield _parameters(operation.get("parameters", ()), parts)
            sent = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            yield _schema("Body", sent.get("schema"), parts, sent=True)
            for status, answer in operation["responses"].items():
                told = answer.get("content", {}).get("application/json", {})
                if status.startswith("2"):
                    yield _schema(f"Answer {status}", told.get("schema"), parts)


def _parameters(parameters: Any, parts: Mapping[str, Json]) -> str:
    rows = [
        _row(f"{each['name']} ({each['in']})", each["schema"], parts, each.get("description", ""))
        for each in parameters
    ]
    return _table("Parameters", rows)


def _schema(title: str, schema: Json | None, parts: Mapping[str, Json], *, sent: bool = False) -> str:
    rows = [] if schema is None else list(_fields(schema, parts, "", DEEPEST, sent=sent))
    return _table(title, rows)


def _fields(schema: Json, parts: Mapping[str, Json], before: str, left: int, *, sent: bool) -> Iterator[str]:
    """A row for each field, and for those of the objects in it."""
    known = _resolved(schema, parts)
    if known.get("type") == "array":
        yield from _fields(known.get("items", {}), parts, f"{before}[]", left, sent=sent)
        return
    needed = known.get("required", ())
    for name, field in known.get("properties", {}).items():
        where = f"{before}.{name}".lstrip(".")
        yield _row(where, field, parts, "", needed=sent and name in needed and not before)
        if left > 0:
            yield from _fields(_inner(field, parts), parts, where, left - 1, sent=sent)


def _inner(field: Json, parts: Mapping[str, Json]) -> Json:
    """The schema of what a field holds: of the one choice that is no null."""
    found = _resolved(field, parts)
    choices = [each for each in found.get("anyOf", ()) if each.get("type") != "null"]
    return _inner(choices[0], parts) if len(choices) == 1 else found


def _resolved(schema: Json, parts: Mapping[str, Json]) -> Json:
    name = schema.get("$ref", "").rpartition("/")[2]
    return parts.get(name, {}) if name else schema


def _row(name: str, field: Json, parts: Mapping[str, Json], said: str, *, needed: bool = False) -> str:
    inner = _inner(field, parts)
    told = said or field.get("description") or inner.get("description", "")
    if "default" in field and field["default"] is not None:
        told = f"{told} (default {field['default']})".strip()
    cells = f"<td><code>{escape(name)}</code></td><td>{escape(_kind(field, parts))}</td>"
    return f"<tr>{cells}<td>{escape(('needed; ' if needed else '') + told)}</td></tr>"


def _kind(field: Json, parts: Mapping[str, Json]) -> str:
    found = _resolved(field, parts)
    if "enum" in found:
        return " | ".join(map(str, found["enum"]))
    if "anyOf" in found:
        return " | ".join(dict.fromkeys(_kind(each, parts) for each in found["anyOf"]))
    if found.get("type") == "array":
        return f"list of {_kind(found.get('items', {}), parts)}"
    return str(found.get("type", "any"))


def _table(title: str, rows: list[str]) -> str:
    return f"<h3>{escape(title)}</h3><table>{''.join(rows)}</table>" if rows else ""
