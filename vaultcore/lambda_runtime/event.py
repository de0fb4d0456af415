"""Converts the Lambda event of an HTTP request into an ASGI scope and a body.

Supports three payloads: REST APIs (format 1.0), HTTP APIs and Function URLs (both format 2.0).
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode

from vaultcore.lambda_runtime.asgi import App, Receive, Scope, Send
from vaultcore.lazy_dataclass import dataclass

Event = Mapping[str, Any]
Headers = list[tuple[bytes, bytes]]


def is_http(event: object) -> bool:
    """Return True if the event is an HTTP request, not a ping, a schedule or a completion notice."""
    match event:
        case {"requestContext": {"elb": _}}:
            return False  # from a load balancer, which cannot stream and has a payload of its own
        case {"requestContext": {"http": {"method": str()}}, "rawPath": str()}:
            return True
        case {"requestContext": {}, "httpMethod": str(), "path": str()}:
            return True
        case _:
            return False


def build_scope(event: Event) -> tuple[Scope, bytes]:
    """Return the ASGI scope and the body of an event that `is_http`. Raise ValueError on invalid base64."""
    path = split_path(event)
    context = event["requestContext"]
    headers = _headers(event)
    request = context.get("http") or context.get("identity") or {}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": _method(event),
        "scheme": _scheme(headers),
        "path": path.full,
        "raw_path": path.raw,
        "root_path": path.root,
        "query_string": _query(event),
        "headers": headers,
        "client": (request.get("sourceIp") or "", 0),
        "server": (context.get("domainName") or "", 443),
        "aws.event": event,
    }, _body(event)


@dataclass(frozen=True, slots=True)
class RequestPath:
    """A request's path and the part of it that is the stage's or the custom domain's prefix."""

    root: str  # the prefix, without a trailing slash; ASGI's root_path
    full: str  # decoded; begins with root

    @property
    def raw(self) -> bytes:
        return quote(self.full, safe="/:@!$&'()*+,;=~-._", errors="surrogatepass").encode()


def split_path(event: Event) -> RequestPath:
    """Separate the prefix of a stage or a custom domain from the application's own path.

    The application's path is the part that the route matched; anything before it is the prefix.
    If the route has no path (`$default`, hand-written events), only the stage's name is a prefix.
    """
    full, bare = _paths(event)
    inner = _matched_path(event)
    if inner is None or not full.endswith(inner):
        inner = bare
    if full.endswith(inner):
        return RequestPath(root=full[: len(full) - len(inner)].rstrip("/"), full=full)
    return RequestPath(root="", full=bare)


def with_root_path(app: App) -> App:
    """Return the application with the paths of `split_path` in its scope, for adapters that do not split."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        event = scope.get("aws.event")
        if event is not None and is_http(event):
            path = split_path(event)
            scope = {**scope, "path": path.full, "root_path": path.root, "raw_path": path.raw}
        await app(scope, receive, send)

    return application


def _paths(event: Event) -> tuple[str, str]:
    """Return the path as the caller sent it, and without the stage; both decoded."""
    context = event["requestContext"]
    if "http" not in context:
        bare = unquote(event["path"])
        return unquote(context.get("path") or "") or bare, bare
    full = unquote(event["rawPath"])
    stage = f"/{context.get('stage', '')}"
    return full, full[len(stage) :] if full.startswith(f"{stage}/") else full


def _matched_path(event: Event) -> str | None:
    """Return the matched route's template with its parameters filled in; None without a template."""
    template = event.get("resource") or str(event.get("routeKey", "")).partition(" ")[2]
    if not str(template).startswith("/"):
        return None
    parameters = event.get("pathParameters") or {}
    path = str(template)
    for name, value in parameters.items():
        path = path.replace(f"{{{name}+}}", unquote(value)).replace(f"{{{name}}}", unquote(value))
    return path


def _method(event: Event) -> str:
    http = event["requestContext"].get("http")
    return str(http["method"] if http else event["httpMethod"]).upper()


def _headers(event: Event) -> Headers:
    many: Mapping[str, Iterable[str]] = event.get("multiValueHeaders") or {
        name: [value] for name, value in (event.get("headers") or {}).items()
    }
    headers = [(_encode(name.lower()), _encode(value)) for name, values in many.items() for value in values]
    if cookies := event.get("cookies"):
        headers.append((b"cookie", _encode("; ".join(cookies))))
    return headers


def _encode(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:  # the platform has decoded it as UTF-8
        return text.encode("utf-8", "surrogatepass")


def _scheme(headers: Headers) -> str:
    forwarded = dict(headers).get(b"x-forwarded-proto", b"https")
    return "http" if forwarded == b"http" else "https"


def _query(event: Event) -> bytes:
    if "rawQueryString" in event:
        return _encode(event["rawQueryString"])
    return urlencode([*_parameters(event)], errors="surrogatepass").encode()


def _parameters(event: Event) -> Iterator[tuple[str, str]]:
    many = event.get("multiValueQueryStringParameters")
    if not many:
        yield from (event.get("queryStringParameters") or {}).items()
        return
    for name, values in many.items():
        yield from ((name, value) for value in values)


def _body(event: Event) -> bytes:
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        return base64.b64decode(body, validate=True)
    return str(body).encode("utf-8", "surrogatepass")
