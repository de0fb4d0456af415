"""How the events of a stream are written to a client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol

from vaultcore.streams.sse import Event


class StreamFraming(Protocol):
    """Writes one stream: its events, what keeps it alive while there are none, and its end."""

    content_type: str
    keep_alive: bytes  # that every client of this framing ignores

    def encode(self, event: Event) -> bytes:
        """Return the bytes of the next event."""
        ...

    def encode_report(self, report: Mapping[str, object]) -> bytes:
        """Return the gateway's report at the end of a stream, for a client that requested it."""
        ...

    def close(self) -> bytes:
        """Return the bytes after the last event."""
        ...


class SseFraming:
    """Server-sent events. The keep-alive and the report are comments, which clients ignore."""

    content_type = "text/event-stream; charset=utf-8"
    keep_alive = b": still here\n\n"
    encode = staticmethod(Event.encode)  # no method of its own: one call less per event

    def encode_report(self, report: Mapping[str, object]) -> bytes:
        """Return `: vaultedge {…}`."""
        text = json.dumps(report, separators=(",", ":"))
        return f": vaultedge {text}\n\n".encode()

    def close(self) -> bytes:
        return b""
