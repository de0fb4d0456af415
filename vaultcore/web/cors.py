"""Cross-origin requests of browsers: https://fetch.spec.whatwg.org/#http-cors-protocol.

Data endpoints only: the admin API and the console are for their own origin. No request is authorised by a
cookie, so an allowed origin gains nothing without a key.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ANY = "*"
METHODS = b"GET, POST, DELETE"
MAX_AGE = b"7200"  # seconds that a browser remembers a preflight: the most that Chromium accepts
OWN_ORIGIN = ("/admin", "/console")  # paths that no other origin may use
_NAMES = re.compile(rb"[\w!#$%&'*+.^`|~, -]{1,2000}")  # of header fields

Headers = list[tuple[bytes, bytes]]


class CrossOrigin:
    """Answers preflights, and adds the headers with which a browser hands a response to its page."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        """`origins` are like `https://app.example.com`; ANY allows every origin."""
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)
        self._allows_any = ANY in origins

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        for name, origin in scope["headers"] if scope["type"] == "http" else ():
            if name == b"origin":
                if not self._is_allowed(origin) or scope["path"].startswith(OWN_ORIGIN):
                    break
                return self._serve(bytes(origin), scope, receive, send)
        return self._app(scope, receive, send)

    async def _serve(self, origin: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request of a browser's page from an allowed origin."""
        headers: Headers = [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]
        fields = dict(scope["headers"])
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in fields:
            headers += _preflight(fields.get(b"access-control-request-headers", b""))
            await send({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                readable = [*headers, (b"access-control-expose-headers", b"*")]
                message = {**message, "headers": [*message.get("headers", ()), *readable]}
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _is_allowed(self, origin: bytes) -> bool:
        return self._allows_any or origin in self._origins


def _preflight(requested: bytes) -> Headers:
    headers: Headers = [(b"access-control-allow-methods", METHODS), (b"access-control-max-age", MAX_AGE)]
    if _NAMES.fullmatch(requested):
        headers.append((b"access-control-allow-headers", requested))
    return headers
