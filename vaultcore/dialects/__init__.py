"""What providers speak: one module per family of upstream formats.

A dialect translates between chat completions and a provider's own API. It opens nothing, reads no clock and
keeps no state but a stream's own. `render_*` goes out to the provider, `parse_*` and the decoder come back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Literal, Protocol, cast, runtime_checkable

from vaultcore.catalog.schema import Target
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatCompletion, ChatRequest, Json

Kind = Literal["dropped", "clamped", "renamed", "emulated", "injected", "refused"]


@dataclass(frozen=True, slots=True)
class Change:
    """Something a translation could not carry over as it was. `path` is the client's: `messages[2].name`.

    What is `refused` cannot be left out either: the request cannot go to that provider.
    """

    path: str
    kind: Kind
    reason: str
    was: object = None  # what the client sent, where that is short and says something
    now: object = None  # what the provider gets instead

    @property
    def lossy(self) -> bool:
        """Whether the client loses something by it; strict mode refuses these."""
        return self.kind in {"dropped", "clamped", "refused"}


def report(changes: Iterable[Change]) -> list[Json]:
    """Changes as a client is told of them."""
    return [
        {"path": each.path, "kind": each.kind, "from": each.was, "to": each.now, "reason": each.reason}
        for each in changes
    ]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A request in the provider's own words, and what that took."""

    body: Json
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Native:
    """A request as the client wrote it, for providers that speak the same dialect as the client."""

    dialect: str
    body: Json
    headers: Mapping[str, str]  # those of the client's that go with it
    elsewhere: Callable[[], tuple[Change, ...]] = tuple  # what it loses with providers that speak another


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An event that goes on to the client as it came, and what it means."""

    event: Event
    chunks: tuple[ChatChunk, ...]


StreamItem = ChatChunk | RawEvent


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """What a provider's error answer says. `message` is raw: whoever shows it redacts it."""

    message: str
    code: str | None = None  # the provider's own code or type: insufficient_quota, overloaded_error, ...
    param: str | None = None


class Dialect(Protocol):
    """What a dialect module offers. `parse_*` and the decoder raise ValueError on what is no answer."""

    def render_path(self, request: ChatRequest, target: Target) -> str:
        """Where to POST, below the provider's base URL."""
        ...

    def render_request(self, request: ChatRequest, target: Target) -> Rendered:
        """The body to send. Raises InvalidRequest where the request makes no sense to anyone."""
        ...

    def parse_completion(self, body: Json) -> ChatCompletion: ...

    def parse_error(self, status: int, body: bytes) -> ErrorDetail: ...

    def decoder(self) -> Stage[Event, ChatChunk]:
        """A fresh machine for one stream. Raises StreamFault at an error event inside it."""
        ...


@runtime_checkable
class StatefulPassthrough(Protocol):
    """What a dialect offers besides, whose own bodies hold state that is for its issuer alone.

    These see to what passes untranslated, and to nothing else.
    """

    def pass_request(self, body: Json, target: Target) -> Json: ...

    def pass_answer(self, body: Json, target: Target) -> Json: ...

    def pass_event(self, event: Event, target: Target) -> Event: ...


class StreamFault(Exception):
    """A provider reported an error inside a stream that had begun with 200."""

    def __init__(self, detail: ErrorDetail, status: int | None = None) -> None:
        super().__init__(detail.code or "error event")
        self.detail, self.status = detail, status


def dialect(name: str) -> Dialect:
    """The dialect module of that name, imported when first spoken. Catalogs name none but these."""
    if name not in _spoken:
        _spoken[name] = cast(Dialect, import_module(f"vaultcore.dialects.{name}"))
    return _spoken[name]


_spoken: dict[str, Dialect] = {}
NAMES: Mapping[str, str] = {
    "openai": "OpenAI chat completions, spoken by most of the catalog",
    "anthropic": "Anthropic Messages",
    "cohere": "Cohere chat, version 2",
    "mistral": "Mistral chat completions",
    "gemini": "Google Gemini generateContent",
    "responses": "OpenAI Responses",
    "bedrock": "Amazon Bedrock Converse",
}
