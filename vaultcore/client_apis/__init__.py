"""The chat APIs that the gateway offers to clients.

A client API translates between one HTTP API (Chat Completions, Messages, Responses) and the gateway's
internal format, which is that of chat completions. `parse_request` reads a client's request; `render_*` and
the encoder write its response. All of it is pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Protocol, runtime_checkable

from vaultcore.errors import GatewayError, InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatCompletion, ChatRequest, Json

_VALUE = re.compile(r"[\x20-\x7e]*")  # characters of a forwarded header


def forwarded_headers(api_headers: Sequence[str], headers: Mapping[str, str]) -> dict[str, str]:
    """Return the client's headers that an API forwards, repeated ones joined. Raises InvalidRequest.

    >>> forwarded_headers(("anthropic-*",), {"anthropic-beta": "a", "x-api-key": "k"})
    {'anthropic-beta': 'a'}
    """
    forwarded: dict[str, str] = {}
    for name, value in headers.items() if api_headers else ():
        if not any(fnmatchcase(name, pattern) for pattern in api_headers):
            continue
        if not _VALUE.fullmatch(value):
            raise InvalidRequest(f"the header {name!r} has characters other than ASCII", param=name)
        forwarded[name] = f"{forwarded[name]},{value}" if name in forwarded else value
    return forwarded


class RequestParser(Protocol):
    """Reads the requests of one client API or media API."""

    @property
    def native(self) -> str:
        """The dialect whose bodies and events pass to this API's clients untranslated, or ""."""
        ...

    @property
    def headers(self) -> tuple[str, ...]:
        """The request headers, in lower case, that are forwarded to a provider of the native dialect.

        A name that ends in `*` stands for all headers that begin like it.
        """
        ...

    def parse_request(self, body: object) -> ChatRequest:
        """Return the parsed JSON body as a chat request.

        Raises InvalidRequest, which names the parameter.
        """
        ...


class ResponseRenderer(Protocol):
    """Writes the buffered responses of one endpoint."""

    def render_response(self, completion: ChatCompletion, request: ChatRequest) -> Json:
        """Return the response body; some APIs repeat parts of the request in it."""
        ...


class ClientApi(RequestParser, ResponseRenderer, Protocol):
    """The interface that a module of this package implements."""

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


@runtime_checkable
class OwnErrorStatus(Protocol):
    """An API whose clients expect other statuses than the gateway's own."""

    def error_status(self, error: GatewayError) -> int: ...


@runtime_checkable
class OwnRequestId(Protocol):
    """An API whose clients read the id of a request from a header of another name."""

    @property
    def request_id_header(self) -> str: ...


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
