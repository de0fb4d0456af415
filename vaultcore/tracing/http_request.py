"""The observed state of one HTTP request, from its headers to the end of its response."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import cast

from vaultcore.call import Call
from vaultcore.telemetry import Trace, parse_traceparent

CLIENT_IDS = ("x-request-id", "x-client-request-id")
UNOBSERVED = frozenset({"", "admin", "console", "health"})  # first path segments without metrics or spans

_SCOPE_KEY = "vaultedge.http_request"
_ID = re.compile(r"[\w.:/=+-]{1,128}", re.ASCII)


@dataclass(slots=True)
class HttpRequest:
    """One HTTP request. Its call is set once the body has been parsed."""

    id: str  # request id, assigned by the gateway
    method: str
    path: str  # below the mount path of the application
    started: float  # seconds since the epoch
    client_id: str | None = None  # the client's own request id, if it is short and plain enough for a log
    trace: Trace | None = None  # None: no spans are exported
    call: Call | None = None  # None until the request is parsed
    status: int = 0  # HTTP status sent to the client; 0: none
    ended: float = 0.0  # seconds since the epoch

    def attach(self, scope: MutableMapping[str, object]) -> None:
        """Put this object into an ASGI scope, so that the endpoint can attach its call to it."""
        scope[_SCOPE_KEY] = self

    @classmethod
    def of(cls, scope: Mapping[str, object]) -> HttpRequest:
        """Return the object that `attach` has put into a scope."""
        return cast(HttpRequest, scope[_SCOPE_KEY])

    @property
    def is_counted(self) -> bool:
        """Return True for API requests, which have metrics and spans."""
        return self.path.lstrip("/").partition("/")[0] not in UNOBSERVED


def begin_request(id: str, scope: Mapping[str, object], started: float, *, traced: bool) -> HttpRequest:
    """Return a new request from an ASGI scope. `traced` parses its traceparent header.

    https://asgi.readthedocs.io/en/latest/specs/www.html
    """
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]  # type: ignore[assignment]  # ASGI scopes are untyped
    values = dict.fromkeys((*CLIENT_IDS, "traceparent"), "")
    for raw, value in headers:
        if (name := raw.decode("latin-1")) in values:
            values[name] = values[name] or value.decode("latin-1")
    client_id = next((values[name] for name in CLIENT_IDS if _ID.fullmatch(values[name])), None)
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return HttpRequest(
        id,
        method=str(scope["method"])[:20],
        path=path.removeprefix(root) if root else path,
        started=started,
        client_id=client_id,
        trace=parse_traceparent(values["traceparent"]) if traced else None,
    )
