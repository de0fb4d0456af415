"""Turns the items of a stream into the client's events: encoded, or forwarded as the provider sent them."""

from __future__ import annotations

from collections.abc import Iterable

from vaultcore.client_apis import ClientApi, CutEncoder, FailureEncoder, ForwardedStream
from vaultcore.dialects import RawEvent, StreamItem
from vaultcore.errors import GatewayError
from vaultcore.streams import Stage
from vaultcore.streams.framing import StreamFraming
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk


class ClientStream:
    """The events of one streamed response. It ends the stream in the client's format, also on failure."""

    def __init__(self, api: ClientApi, encoder: Stage[ChatChunk, Event]) -> None:
        self.api = api
        self._encoder = encoder
        self._last_raw: Event | None = None
        self._first_raw: Event | None = None
        self._texts: list[str] = []  # content of the forwarded events

    def encode(self, items: Iterable[StreamItem], framing: StreamFraming) -> bytes:
        """Return the bytes of the client's events for items that arrived together."""
        encode, feed = framing.encode, self._encoder.feed
        parts: list[bytes] = []
        for item in items:
            is_chunk = self._last_raw is None and not isinstance(item, RawEvent)
            events = feed(item) if is_chunk else self._feed(item)  # type: ignore[arg-type]  # is_chunk
            parts += map(encode, events)
        return b"".join(parts)

    def _feed(self, item: StreamItem) -> Iterable[Event]:
        if not isinstance(item, RawEvent):
            return self._encoder.feed(item) if self._last_raw is None else self._cut(item)
        if item.event is None:
            return ()
        self._last_raw = item.event
        self._first_raw = self._first_raw or item.event
        for chunk in item.chunks:
            for choice in chunk.get("choices") or ():
                if text := choice["delta"].get("content"):
                    self._texts.append(text)
        return (item.event,)

    def _cut(self, last: ChatChunk) -> Iterable[Event]:
        """Return the last events of a forwarded stream that the gateway cut off."""
        if self._first_raw is None or self._last_raw is None or not isinstance(self._encoder, CutEncoder):
            return ()
        return self._encoder.cut(last, ForwardedStream(self._first_raw, self._last_raw, "".join(self._texts)))

    def close(self) -> Iterable[Event]:
        """Return the last events; none for a forwarded stream, which has had its own."""
        return self._encoder.close() if self._last_raw is None else ()

    def fail(self, error: GatewayError) -> Iterable[Event]:
        """Return the events that end a failed stream."""
        if isinstance(self._encoder, FailureEncoder):
            return self._encoder.fail(error, after=self._last_raw)
        return (self.api.render_stream_error(error),)
