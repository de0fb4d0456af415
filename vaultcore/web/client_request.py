"""One HTTP request as plain values, read from the ASGI scope once.

Starlette's Request makes an object for every look at a header; the data endpoints look at fifteen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.types import Receive, Scope

from vaultcore.admission.caller import Caller
from vaultcore.tracing import HttpRequest

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

_KEY = "vaultedge.request"  # in the ASGI scope


class ClientDisconnected(Exception):
    """The client closed the connection before its request was complete."""


class ClientRequest:
    """A request, which is also in its scope. `headers` has lower-case names and the first of repeated fields.

    `observed` and `caller` are set while the request is served.
    """

    __slots__ = ("caller", "headers", "is_repeating", "method", "observed", "path", "receive", "scope")

    observed: HttpRequest

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope, self.receive = scope, receive
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.caller: Caller | None = None
        fields = scope["headers"]
        self.headers: dict[str, str] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(fields)
        }
        self.is_repeating = len(self.headers) < len(fields)  # a field occurs more than once
        scope[_KEY] = self

    def detach(self) -> None:
        """Take this object out of its scope. In a cycle, both would wait for the garbage collector."""
        self.scope.pop(_KEY, None)

    @classmethod
    def of(cls, scope: Scope, receive: Receive) -> ClientRequest:
        """Return the request of a scope; `receive` is the endpoint's own."""
        request: ClientRequest = scope[_KEY]
        request.receive = receive
        return request

    @property
    def combined_headers(self) -> Mapping[str, str]:
        """Return the headers with the values of repeated fields joined by commas: RFC 9110, section 5.3."""
        if not self.is_repeating:
            return self.headers
        joined: dict[str, str] = {}
        for raw, value in self.scope["headers"]:
            name, text = raw.decode("latin-1"), value.decode("latin-1")
            joined[name] = f"{joined[name]},{text}" if name in joined else text
        return joined

    def values(self, name: str) -> list[str]:
        """Return all values of a field."""
        if name not in self.headers:
            return []
        raw = name.encode()
        return [value.decode("latin-1") for field, value in self.scope["headers"] if field == raw]

    @property
    def path_params(self) -> Mapping[str, str]:
        """Return the parameters that the router has read from the path."""
        params: Mapping[str, str] = self.scope.get("path_params", {})
        return params

    @property
    def query(self) -> QueryParams:
        """Return the parameters of the query."""
        from starlette.datastructures import QueryParams  # takes 10 ms, for few requests

        return QueryParams(self.scope["query_string"])

    @property
    def address(self) -> str | None:
        """Return the client's IP address, None if it is unknown."""
        client = self.scope.get("client")
        return client[0] if client else None

    @property
    def content_length(self) -> int:
        """Return the announced bytes of the body; 0 if they are unknown."""
        length = self.headers.get("content-length", "")
        return int(length[:20]) if length.isascii() and length.isdecimal() else 0
