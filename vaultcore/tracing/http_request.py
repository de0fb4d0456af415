"""The observed state of one HTTP request, from its headers to the end of its response."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from vaultcore.call import Call
from vaultcore.lazy_dataclass import dataclass
from vaultcore.telemetry import Trace, parse_traceparent

CLIENT_IDS = ("x-request-id", "x-client-request-id")
UNOBSERVED = frozenset({"", "admin", "console", "health"})  # first path segments without metrics or spans

_ID = re.compile(r"[\w.:/=+-]{1,128}", re.ASCII)


class SeenRequest(Protocol):
    """The parts of a request that are observed. `scope` is of ASGI: https://asgi.readthedocs.io."""

    @property
    def scope(self) -> Mapping[str, Any]: ...

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields; names are in lower case."""
        ...


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

    @property
    def is_counted(self) -> bool:
        """Return True for API requests, which have metrics and spans."""
        return self.path.lstrip("/").partition("/")[0] not in UNOBSERVED


def begin_request(id: str, request: SeenRequest, started: float, *, traced: bool) -> HttpRequest:
    """Return a new request. `traced` parses its traceparent header."""
    headers, root = request.headers, request.scope.get("root_path")
    client_id = None
    for name in CLIENT_IDS:
        if client_id is None and name in headers and _ID.fullmatch(headers[name]):
            client_id = headers[name]
    return HttpRequest(
        id,
        method=request.method[:20],
        path=request.path.removeprefix(root) if root else request.path,
        started=started,
        client_id=client_id,
        trace=parse_traceparent(headers.get("traceparent")) if traced else None,
    )
