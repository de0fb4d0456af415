"""The pieces of a streamed answer as the client's events: encoded, or passed on as they came."""

from __future__ import annotations

from collections.abc import Iterable

from vaultcore.client_apis import ClientApi, Failing
from vaultcore.dialects import RawEvent, StreamItem
from vaultcore.errors import GatewayError
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatRequest


class Outlet:
    """A stage that ends a stream in the client's own words, whichever way its pieces came."""

    def __init__(self, surface: ClientApi, request: ChatRequest) -> None:
        self._surface = surface
        self._encoder = surface.encoder(request)
        self._passed: Event | None = None  # the last one

    def feed(self, item: StreamItem) -> Iterable[Event]:
        if not isinstance(item, RawEvent):
            return self._encoder.feed(item)
        self._passed = item.event
        return (item.event,)

    def close(self) -> Iterable[Event]:
        """What ends the answer; one that passed has had its end."""
        return self._encoder.close() if self._passed is None else ()

    def fail(self, error: GatewayError) -> Iterable[Event]:
        """What ends an answer that broke."""
        if isinstance(self._encoder, Failing):
            return self._encoder.fail(error, after=self._passed)
        return (self._surface.render_failure(error),)
