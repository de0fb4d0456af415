"""What invokes a function behind HTTP, as an ASGI scope and a body.

Three payloads are known: REST APIs (1.0), HTTP APIs and Function URLs (both 2.0).
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlencode

from vaultcore.lambda_runtime.asgi import App, Receive, Scope, Send

Event = Mapping[str, Any]
Headers = list[tuple[bytes, bytes]]


def is_http(event: object) -> bool:
    """Whether the event asks for an HTTP answer. Pings, schedules and completion notices do not."""
    match event:
        case {"requestContext": {"elb": _}}:
            return False  # a load balancer's: it neither streams nor sends what the other three send
        case {"requestContext": {"http": {"method": str()}}, "rawPath": str()}:
            return True
        case {"requestContext": {}, "httpMethod": str(), "path": str()}:
            return True
        case _:
            return False


def scope(event: Event) -> tuple[Scope, bytes]:
    """The ASGI scope and the body of an event that `is_http`. Raises ValueError where its base64 is none."""
    place = placed(event)
    context = event["requestContext"]
    headers = _headers(event)
    asked = context.get("http") or context.get("identity") or {}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": _method(event),
        "scheme": _scheme(headers),
        "path": place.path,
        "raw_path": place.raw_path,
        "root_path": place.root,
        "query_string": _query(event),
        "headers": headers,
        "client": (asked.get("sourceIp") or "", 0),
        "server": (context.get("domainName") or "", 443),
        "aws.event": event,
    }, _body(event)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request points: what stands before the application's own paths, and the whole path."""

    root: str
    path: str  # decoded; begins with root

    @property
    def raw_path(self) -> bytes:
        return quote(self.path, safe="/:@!$&'()*+,;=~-._", errors="surrogatepass").encode()


def placed(event: Event) -> Place:
    """Tell a stage's or a custom domain's prefix from the application's path.

    What the route matched is the application's own; whatever the caller's path has before it is prefix.
    Where the route does not tell (`$default`, hand-made events), the stage's name is all that is taken off.
    """
    shown, bare = _paths(event)
    inner = _filled(event)
    if inner is None or not shown.endswith(inner):
        inner = bare
    if shown.endswith(inner):
        return Place(root=shown[: len(shown) - len(inner)].rstrip("/"), path=shown)
    return Place(root="", path=bare)


def mounted(app: App) -> App:
    """The application, its paths told apart by `placed`: for adapters that hand them over as they came."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        event = scope.get("aws.event")
        if event is not None and is_http(event):
            place = placed(event)
            scope = {**scope, "path": place.path, "root_path": place.root, "raw_path": place.raw_path}
        await app(scope, receive, send)

    return application


def _paths(event: Event) -> tuple[str, str]:
    """The path as the caller sent it, and without the stage, both decoded."""
    context = event["requestContext"]
    if "http" not in context:
        bare = unquote(event["path"])
        return unquote(context.get("path") or "") or bare, bare
    shown = unquote(event["rawPath"])
    stage = f"/{context.get('stage', '')}"
    return shown, shown[len(stage) :] if shown.startswith(f"{stage}/") else shown


def _filled(event: Event) -> str | None:
    """The path that the matched route stands for: its template with the parameters put in."""
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
    headers = [(_wire(name.lower()), _wire(value)) for name, values in many.items() for value in values]
    if cookies := event.get("cookies"):
        headers.append((b"cookie", _wire("; ".join(cookies))))
    return headers


def _wire(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:  # decoded as UTF-8 on its way here
        return text.encode("utf-8", "surrogatepass")


def _scheme(headers: Headers) -> str:
    forwarded = dict(headers).get(b"x-forwarded-proto", b"https")
    return "http" if forwarded == b"http" else "https"


def _query(event: Event) -> bytes:
    if "rawQueryString" in event:
        return _wire(event["rawQueryString"])
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
