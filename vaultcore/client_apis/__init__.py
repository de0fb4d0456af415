"""The APIs this gateway offers. A surface translates between what a client speaks and chat completions.

`parse_request` comes in from the client; `render_*` and the encoder go out to it. All of it is pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from vaultcore.errors import GatewayError
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatCompletion, ChatRequest, Json


class RequestParser(Protocol):
    """What reads a client's request."""

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


class ClientApi(RequestParser, Protocol):
    """What a surface module offers."""

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


@runtime_checkable
class EchoesRequest(Protocol):
    """What a surface offers besides, whose answers repeat parts of the request."""

    def render_answer(self, completion: ChatCompletion, request: ChatRequest) -> Json:
        """What `render_completion` would be, with the request at hand."""
        ...


@runtime_checkable
class Failing(Protocol):
    """What an encoder offers besides, whose stream ends in an event that tells of what came before it."""

    def fail(self, error: GatewayError, after: Event | None) -> Iterable[Event]:
        """`after` is the last event that passed as it came, where any has."""
        ...
