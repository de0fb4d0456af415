"""One HTTP request as it is watched, from its first byte to the last of its answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vaultcore.call import Call
from vaultcore.telemetry import Trace, told_trace

CLIENT_IDS = ("x-request-id", "x-client-request-id")
UNSEEN = frozenset({"", "admin", "console", "health"})  # first parts of paths that ask no model

_ID = re.compile(r"[\w.:/=+-]{1,128}", re.ASCII)


@dataclass(slots=True)
class HttpRequest:
    """`id` is ours; `client_id` the client's own, where it sent one of a shape that a log may show."""

    id: str
    method: str
    path: str  # below whatever the application is mounted at
    started: float  # seconds since 1970
    client_id: str | None = None
    trace: Trace | None = None  # where spans are made
    call: Call | None = None  # once the request is understood
    status: int = 0  # that the client saw; 0: none
    ended: float = 0.0

    @property
    def counted(self) -> bool:
        """Whether it is one of those that the gateway is there for."""
        return self.path.lstrip("/").partition("/")[0] not in UNSEEN


def visit(id: str, scope: Mapping[str, object], started: float, *, traced: bool) -> HttpRequest:
    """A request as an ASGI scope shows it."""
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]  # type: ignore[assignment]  # as ASGI says
    wanted = dict.fromkeys((*CLIENT_IDS, "traceparent"), "")
    for raw, value in headers:
        if (name := raw.decode("latin-1")) in wanted:
            wanted[name] = wanted[name] or value.decode("latin-1")
    sent = next((wanted[name] for name in CLIENT_IDS if _ID.fullmatch(wanted[name])), None)
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return HttpRequest(
        id,
        method=str(scope["method"])[:20],
        path=path.removeprefix(root) if root else path,
        started=started,
        client_id=sent,
        trace=told_trace(wanted["traceparent"]) if traced else None,
    )
