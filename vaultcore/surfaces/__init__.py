"""The APIs this gateway offers. A surface translates between what a client speaks and chat completions.

`parse_request` comes in from the client; `render_*` and the encoder go out to it. All of it is pure.
"""

from __future__ import annotations

from typing import Protocol

from vaultcore.errors import GatewayError
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatCompletion, ChatRequest, Json


class Surface(Protocol):
    """What a surface module offers."""

    @property
    def native(self) -> str:
        """The dialect whose bodies and events are this API's own, and pass untranslated; "" where none is."""
        ...

    @property
    def headers(self) -> tuple[str, ...]:
        """Request headers, lower case, that go on to a provider of the native dialect."""
        ...

    def parse_request(self, body: object) -> ChatRequest:
        """The parsed JSON body as a chat request; raises InvalidRequest naming the param."""
        ...

    def render_completion(self, completion: ChatCompletion) -> Json: ...

    def encoder(self, request: ChatRequest) -> Stage[ChatChunk, Event]:
        """A fresh machine that turns one answer's chunks into events, the last one included."""
        ...

    def render_error(self, error: GatewayError) -> Json:
        """The error envelope of this API."""
        ...

    def render_failure(self, error: GatewayError) -> Event:
        """The event that ends a stream which broke after it had begun."""
        ...
