"""How a stream reaches Google's clients: server-sent events with `?alt=sse`, else a JSON array.

Google's SDKs take a comment between events for broken JSON, but ignore blank lines. White space between the
items of an array means nothing either.
"""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.client_apis.json_text import dump
from vaultcore.streams.framing import StreamFraming
from vaultcore.streams.sse import Event

BLANK_LINE = b"\n"


class GoogleSseFraming:
    """Server-sent events without comments."""

    content_type = "text/event-stream; charset=utf-8"
    keep_alive = BLANK_LINE

    def encode(self, event: Event) -> bytes:
        return event.encode()

    def encode_report(self, report: Mapping[str, object]) -> bytes:
        return self.encode(_report_event(report))

    def close(self) -> bytes:
        return b""


class JsonArrayFraming:
    """The data of all events as one JSON array."""

    content_type = "application/json; charset=utf-8"
    keep_alive = BLANK_LINE

    def __init__(self) -> None:
        self._has_items = False

    def encode(self, event: Event) -> bytes:
        separator = ",\n" if self._has_items else "["
        self._has_items = True
        return f"{separator}{event.data}".encode(errors="replace")

    def encode_report(self, report: Mapping[str, object]) -> bytes:
        return self.encode(_report_event(report))

    def close(self) -> bytes:
        return b"]" if self._has_items else b"[]"


def find_framing(query: Mapping[str, str]) -> StreamFraming:
    """Return the framing that the query asks for."""
    is_sse = (query.get("alt") or query.get("$alt")) == "sse"
    return GoogleSseFraming() if is_sse else JsonArrayFraming()


def _report_event(report: Mapping[str, object]) -> Event:
    return Event(dump({"vaultedge": report}))
