"""Turns the items of a stream into the client's events: encoded, or forwarded as the provider sent them."""

from __future__ import annotations

from collections.abc import Iterable

from vaultcore.client_apis import ClientApi, FailureEncoder
from vaultcore.dialects import RawEvent, StreamItem
from vaultcore.errors import GatewayError
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatRequest


class ClientStream:
    """The events of one streamed response. It ends the stream in the client's format, also on failure."""

    def __init__(self, api: ClientApi, request: ChatRequest) -> None:
        self._api = api
        self._encoder = api.encoder(request)
        self._last_raw: Event | None = None

    def feed(self, item: StreamItem) -> Iterable[Event]:
        if not isinstance(item, RawEvent):
            return self._encoder.feed(item)
        self._last_raw = item.event
        return (item.event,)

    def close(self) -> Iterable[Event]:
        """Return the last events; none for a forwarded stream, which has had its own."""
        return self._encoder.close() if self._last_raw is None else ()

    def fail(self, error: GatewayError) -> Iterable[Event]:
        """Return the events that end a failed stream."""
        if isinstance(self._encoder, FailureEncoder):
            return self._encoder.fail(error, after=self._last_raw)
        return (self._api.render_stream_error(error),)
