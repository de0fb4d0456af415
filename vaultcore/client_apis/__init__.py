"""The chat APIs that the gateway offers to clients.

A client API translates between one HTTP API (Chat Completions, Messages, Responses) and the gateway's
internal format, which is that of chat completions. `parse_request` reads a client's request; `render_*` and
the encoder write its response. All of it is pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from vaultcore.errors import GatewayError
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatCompletion, ChatRequest, Json


class RequestParser(Protocol):
    """Reads the requests of one client API or media API."""

    @property
    def native(self) -> str:
        """The dialect whose bodies and events pass to this API's clients untranslated, or ""."""
        ...

    @property
    def headers(self) -> tuple[str, ...]:
        """The request headers, in lower case, that are forwarded to a provider of the native dialect."""
        ...

    def parse_request(self, body: object) -> ChatRequest:
        """Return the parsed JSON body as a chat request.

        Raises InvalidRequest, which names the parameter.
        """
        ...


class ClientApi(RequestParser, Protocol):
    """The interface that a module of this package implements."""

    def render_response(self, completion: ChatCompletion, request: ChatRequest) -> Json:
        """Return the response body; some APIs repeat parts of the request in it."""
        ...

    def encoder(self, request: ChatRequest) -> Stage[ChatChunk, Event]:
        """Return a new encoder that turns the chunks of one response into events, the last one included."""
        ...

    def render_error(self, error: GatewayError) -> Json:
        """Return the error body of this API."""
        ...

    def render_stream_error(self, error: GatewayError) -> Event:
        """Return the event that ends a stream which failed after its first event."""
        ...


@runtime_checkable
class FailureEncoder(Protocol):
    """An encoder whose failure event depends on the events before it."""

    def fail(self, error: GatewayError, after: Event | None) -> Iterable[Event]:
        """Yield the events that end a failed stream.

        `after` is the last event that was passed through unchanged, or None.
        """
        ...


@dataclass(frozen=True, slots=True)
class ForwardedStream:
    """A stream whose events reached the client unchanged, as far as it came."""

    first: Event
    last: Event
    text: str  # content of all its events


@runtime_checkable
class CutEncoder(Protocol):
    """An encoder that can end a stream of forwarded events, which it has not seen."""

    def cut(self, last: ChatChunk, stream: ForwardedStream) -> Iterable[Event]:
        """Yield the events that end the stream. `last` has the finish reason and the usage."""
        ...
