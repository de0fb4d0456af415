"""Provider wire formats: one package per API family, and the protocol that they share.

A dialect translates between chat completions (`vaultcore.wire`) and one provider API. `render_*` builds
what is sent to the provider; `parse_*` and the decoder read what comes back. A dialect does no I/O, reads
no clock and keeps no state except that of one stream. docs/new-dialect.md lists the steps to add one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

from vaultcore.casts import cast
from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.lazy_dataclass import dataclass
from vaultcore.opaque_state.envelope import StateSeal
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatCompletion, ChatRequest, Json

if TYPE_CHECKING:
    from vaultcore.dialects.tool_names import ToolNameRule

ChangeKind = Literal["dropped", "clamped", "renamed", "emulated", "injected", "refused"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between the client's request and the rendered one.

    `path` points into the client's request: `messages[2].name`. Kind `refused` means that the provider cannot
    receive the request at all.
    """

    path: str
    kind: ChangeKind
    reason: str
    was: object = None  # the client's value, if it is short and informative
    now: object = None  # the value that the provider receives instead

    @property
    def lossy(self) -> bool:
        """Return True if the client loses something; strict mode rejects such requests."""
        return self.kind in {"dropped", "clamped", "refused"}


def report_changes(changes: Iterable[Change]) -> list[Json]:
    """Return the translation report in the form that clients receive.

    One entry: `{"path": "n", "kind": "dropped", "from": 3, "to": None, "reason": "…"}`.
    """
    return [
        {"path": each.path, "kind": each.kind, "from": each.was, "to": each.now, "reason": each.reason}
        for each in changes
    ]


@runtime_checkable
class ClientPaths(Protocol):
    """A translated request that knows where each of its parts stands in the client's own body."""

    def client_path(self, path: str) -> str:
        """Return the client's path of a part: `messages[2].content` may be `input[3].content`."""
        ...


def asks_for_compaction(request: object) -> bool:
    """Return True if the response to a request is to be a compaction of its conversation."""
    return bool(getattr(request, "compacts", False))  # isinstance() with a protocol takes 50 calls


def client_path(request: object, path: str) -> str:
    """Return the path of a part as the client's own body names it."""
    return request.client_path(path) if isinstance(request, ClientPaths) else path


@dataclass(frozen=True, slots=True)
class RenderedRequest:
    """A request in the provider's format, and the changes that the translation made."""

    body: Json
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Compaction:
    """A summary of the conversation that the same model writes before it answers."""

    request: ChatRequest  # asks for the summary
    # Returns the request that continues from a summary; None: the summary is the whole response.
    resume: Callable[[str], ChatRequest] | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary of a conversation, and the usage of the call that wrote it, {} if it is unknown."""

    text: str
    usage: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Translation:
    """A client's request in chat form, for a provider with another dialect than the client's."""

    request: ChatRequest
    changes: tuple[Change, ...] = ()
    restore_path: Callable[[str], str] = str  # turns a path of the chat request into one of the client's body
    response_fields: Mapping[str, Any] = field(default_factory=dict)  # added to the response in chat form
    compaction: Compaction | None = None  # in place of `request`


@dataclass(frozen=True, slots=True)
class NativeRequest:
    """A client request in the client's own format, for providers that use the same dialect."""

    dialect: str  # "": no provider gets the body as it is
    body: Json
    headers: Mapping[str, str]  # client headers that are forwarded with the body
    # Returns the changes that a translation to another dialect makes; called for such targets only.
    translation_changes: Callable[[], tuple[Change, ...]] = tuple
    path: str | None = None  # below the provider's base URL; None: the dialect's own
    promises_schemas: bool = (
        False  # the client's API enforces schemas that OpenAI's rules for `strict` forbid
    )
    needs_compaction: bool = False  # only a provider that compacts conversations gets the body as it is
    # Its client cannot do without a part of its conversation: a note replaces what no target can carry.
    accepts_notes: bool = False
    # Only the provider and key that answered the last request know the conversation: no failover.
    is_continuation: bool = False
    # A field or header whose cost is unknown, if the body is sent as it is.
    unknown_cost: str | None = None
    # Returns the request for a target of another dialect; None: `translation_changes` says all.
    translate: Callable[[ChatRequest, Target], Translation] | None = None

    def fits(self, target: Target) -> bool:
        """Return True if the target can get the body as it is."""
        can_compact = target.provider.compacts or not self.needs_compaction
        return can_compact and target.accepts_dialect(self.dialect)

    def translated(self, request: ChatRequest, target: Target) -> Translation:
        """Return the chat request for a target of another dialect. Raises InvalidRequest."""
        if self.translate is not None:
            return self.translate(request, target)
        return Translation(request, self.translation_changes())


class RawEvent(NamedTuple):
    """A provider event that is forwarded unchanged, with the chunks that it decodes to.

    Without an event, the chunks are what the decoder knows only at the end of the stream.
    """

    event: Event | None
    chunks: tuple[ChatChunk, ...]


StreamItem = ChatChunk | RawEvent


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """The content of a provider's error response. `message` is not redacted yet."""

    message: str
    code: str | None = None  # the provider's own code or type: insufficient_quota, overloaded_error, ...
    param: str | None = None
    details: Json | None = None  # Anthropic's, which its SDKs act on
    rpc_details: tuple[Json, ...] = ()  # messages of google.rpc, see error_fields
    fields: Json = field(default_factory=dict)  # further fields of an OpenAI-style error
    request_id: str | None = None  # the provider's, if the body contains it
    retry_after: float | None = None  # seconds to wait, if the body says so


class Dialect(Protocol):
    """The names that every dialect package exports."""

    @property
    def max_tokens_field(self) -> str:
        """The top-level body field that limits the tokens of a response; "" if the format nests it."""
        ...

    @property
    def requires_call_ids(self) -> bool:
        """True if every tool result must name its call and `functions` must be `tools`.

        False if the provider's own API accepts OpenAI's legacy functions and judges results itself.
        """
        ...

    @property
    def tool_names(self) -> ToolNameRule:
        """The names of tools that the provider accepts; others are replaced before a request is rendered."""
        ...

    @property
    def reads_thinking(self) -> bool:
        """True if requests may contain Anthropic's `thinking`, whatever the provider's row says."""
        ...

    @property
    def media_offers(self) -> Mapping[str, MediaOffer]:
        """The offers by media API, such as `embeddings`, of a provider whose catalog row lists none."""
        ...

    def render_path(self, request: ChatRequest, target: Target) -> str:
        """Return the path of the POST, relative to the provider's base URL."""
        ...

    def render_request(self, request: ChatRequest, target: Target) -> RenderedRequest:
        """Return the body to send. Raise InvalidRequest if no body can express the request."""
        ...

    def parse_response(self, body: Json) -> ChatCompletion:
        """Return the completion. Raise ValueError for an invalid body, StreamFault for a reported error."""
        ...

    def parse_error(self, status: int, body: bytes) -> ErrorDetail:
        """Return the content of an error response. Never raises."""
        ...

    def create_decoder(self) -> Stage[Event, ChatChunk]:
        """Return a decoder for one stream.

        It raises ValueError for an invalid event and StreamFault for an error event.
        """
        ...


class NativeRewriter(Protocol):
    """Rewrites the opaque state in one native request and its response, buffered or streamed."""

    def rewrite_request(self, body: Json) -> Json: ...

    def rewrite_response(self, body: Json) -> Json: ...

    def rewrite_event(self, event: Event) -> Event: ...


@runtime_checkable
class StatefulPassthrough(Protocol):
    """An extra function of a dialect whose native bodies hold state that only its issuer can read."""

    def create_rewriter(self, target: Target, seal: StateSeal, path: str) -> NativeRewriter:
        """Return a rewriter for one request to a path of the provider."""
        ...


@runtime_checkable
class NativeFields(Protocol):
    """Functions of a dialect whose native bodies have the model or the maximum of tokens in another place."""

    def with_model(self, body: Json, model: str) -> Json:
        """Return a native body for a model of the provider."""
        ...

    def with_max_tokens(self, body: Json, tokens: int) -> Json:
        """Return a native body whose response has at most that many tokens."""
        ...


@runtime_checkable
class NativeCacheMarks(Protocol):
    """An extra function of a dialect with cache marks: the option `cache: auto` for native requests."""

    def mark_native(self, body: Json) -> Json:
        """Return the body with a cache mark if the client has sent none."""
        ...


@runtime_checkable
class StrictSchemas(Protocol):
    """An extra name of a dialect: `strict` beside a schema demands OpenAI's rules, see strict_schemas.py."""

    strict_schemas: bool


@runtime_checkable
class NativeModels(Protocol):
    """An extra function of a dialect whose models accept different forms of a field."""

    def adapt_native(self, body: Json, target: Target) -> tuple[Json, tuple[Change, ...]]:
        """Return a native body for a model that the client did not name, and the changes."""
        ...


@runtime_checkable
class NativeDecoder(Protocol):
    """A decoder of a dialect that clients speak too: it knows the event that must end a forwarded stream."""

    is_done: bool


class StreamFault(Exception):
    """The provider reported an error in a response whose HTTP status was 200."""

    def __init__(self, detail: ErrorDetail, status: int | None = None) -> None:
        super().__init__(detail.code or "error event")
        self.detail, self.status = detail, status


def load_dialect(name: str) -> Dialect:
    """Return the dialect package of that name; import it on first use.

    `name` is a key of DIALECTS; the catalog accepts no other.
    """
    if name not in _loaded:
        _loaded[name] = cast(Dialect, import_module(f"vaultcore.dialects.{name}"))
    return _loaded[name]


_loaded: dict[str, Dialect] = {}
DIALECTS: Mapping[str, str] = {  # name -> title
    "openai": "OpenAI chat completions, used by most providers of the catalog",
    "anthropic": "Anthropic Messages",
    "cohere": "Cohere chat, version 2",
    "mistral": "Mistral chat completions",
    "gemini": "Google Gemini generateContent",
    "responses": "OpenAI Responses",
    "bedrock": "Amazon Bedrock Converse",
}
