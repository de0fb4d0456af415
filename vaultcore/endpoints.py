"""The data endpoints: one row each. A new endpoint is a row here and the module of its API.

The app makes routes of every row. The web layer reads how to parse a request, what to reserve, how to run it
and how to render errors; spans read the operation.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Protocol

from vaultcore.call import Call
from vaultcore.casts import cast
from vaultcore.client_apis import (
    ClientApi,
    RequestParser,
    ResponseRenderer,
    chat,
    forwarded_headers,
)
from vaultcore.client_apis.lazy import compact, gemini, messages, responses
from vaultcore.dialects import NativeRequest
from vaultcore.errors import AttemptsExhausted
from vaultcore.first_use import LazyModule
from vaultcore.gateway.gateway import Gateway
from vaultcore.lazy_dataclass import dataclass
from vaultcore.streams import Stage
from vaultcore.streams.framing import SseFraming, StreamFraming
from vaultcore.streams.sse import Event
from vaultcore.usage import request_estimate
from vaultcore.usage.request_estimate import RequestEstimate
from vaultcore.usage.token_estimate import estimate_request
from vaultcore.wire import ChatChunk, ChatRequest, Json

if TYPE_CHECKING:
    from vaultcore.media import MediaApi, embeddings, image_edits, images, moderations
    from vaultcore.media.embeddings import embed_content
else:  # each is imported at its first request
    embeddings = LazyModule("vaultcore.media.embeddings")
    embed_content = LazyModule("vaultcore.media.embeddings.embed_content")
    images = LazyModule("vaultcore.media.images")
    image_edits = LazyModule("vaultcore.media.image_edits")
    moderations = LazyModule("vaultcore.media.moderations")


class NativeApi(Protocol):
    """A client API whose body a provider of the same dialect gets unchanged."""

    def native_request(self, body: Json, headers: Mapping[str, str]) -> NativeRequest: ...


BuildNative = Callable[[Json, Mapping[str, str]], NativeRequest | None]
Run = Callable[[Gateway, Call], Awaitable[Json]]
# Estimates a request, which is read from the client's own body if its API is not chat completions.
EstimateUsage = Callable[[ChatRequest, Json | None], RequestEstimate]


BuildEncoder = Callable[[ChatRequest, Mapping[str, str]], Stage[ChatChunk, Event]]
FindFraming = Callable[[Mapping[str, str]], StreamFraming]
VERSIONED = ("/v1", "")  # also without a version, since a stage of API Gateway may be named v1
GOOGLE_VERSIONS = ("/v1beta", "/v1", "")


def _sse_framing(_query: Mapping[str, str]) -> StreamFraming:
    return SseFraming()


def _google_framing(query: Mapping[str, str]) -> StreamFraming:
    return gemini.find_framing(query)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One data endpoint: `POST {base}{path}` for each of its bases."""

    path: str  # may contain parameters of Starlette's routes; a request has them as fields, like `model`
    api: RequestParser
    errors: ClientApi  # renders this endpoint's errors
    run: Run  # makes the whole response's body
    operation: str  # OpenTelemetry's `gen_ai.operation.name`
    estimate_usage: EstimateUsage | None  # what to reserve; None: free of charge
    native: BuildNative  # builds the request to a provider of the client's own dialect
    accepts_forms: bool = False  # the body may be multipart/form-data instead of JSON
    seals_state: bool = False  # its clients get opaque state in sealed thinking blocks
    streams: bool = False  # `"stream": true` gets an event stream, made by `errors`' encoder
    bases: tuple[str, ...] = VERSIONED  # the first one is in the documentation
    fields: Mapping[str, object] = field(default_factory=dict)  # fields that the path stands for
    framing: FindFraming = _sse_framing  # of streams, chosen by the query
    build_encoder: BuildEncoder | None = None  # chosen by the client's headers; None: that of `errors`

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the paths of all routes."""
        return tuple(base + self.path for base in self.bases)

    def encoder(self, request: ChatRequest, headers: Mapping[str, str]) -> Stage[ChatChunk, Event]:
        """Return a new encoder of one stream, for a client with these headers."""
        build = self.build_encoder
        return self.errors.encoder(request) if build is None else build(request, headers)

    def with_path(self, body: object, parameters: Mapping[str, object]) -> object:
        """Return a request's body with the fields that its path contains."""
        fields = {**parameters, **self.fields}
        return {**body, **fields} if fields and isinstance(body, dict) else body


def _chat_endpoint(
    path: str, api: ClientApi, native: BuildNative | None = None, *, seals_state: bool = False
) -> Endpoint:
    return Endpoint(
        path,
        api,
        api,
        _complete(api),
        "chat",
        request_estimate.estimate_chat,
        native or _same_body(api),
        seals_state=seals_state,
        streams=True,
    )


def _google_path(method: str) -> str:
    """Return the path of a model's method, in the form of Starlette's routes. Names may have slashes."""
    return f"/models/{{model:path}}:{method}"


def _google_endpoint(
    method: str, run: Run, estimate: EstimateUsage | None, *, streams: bool = False
) -> Endpoint:
    """Return an endpoint of Google's form, `/models/{model}:{method}`; the model's name may have slashes."""
    return Endpoint(
        _google_path(method),
        gemini,
        gemini,
        run,
        "generate_content",
        estimate,
        _own_native(gemini),
        streams=streams,
        bases=GOOGLE_VERSIONS,
        fields={"stream": True} if streams else {},
        framing=_google_framing,
    )


def _complete(api: ResponseRenderer) -> Run:
    """Return the run of a conversation's turn whose response is not streamed."""

    async def run(gateway: Gateway, call: Call) -> Json:
        response = await gateway.complete(call)
        if call.outcome.is_passthrough:
            return response.body
        return api.render_response(response.completion, call.request)

    return run


def _media_endpoint(
    path: str,
    api: MediaApi,
    operation: str,
    estimate: Callable[[Json], RequestEstimate],
    *,
    accepts_forms: bool = False,
) -> Endpoint:
    async def run(gateway: Gateway, call: Call) -> Json:
        return await gateway.media(call, api)

    def estimate_usage(request: ChatRequest, _body: Json | None) -> RequestEstimate:
        return estimate(cast(Json, request))  # a media request shares only `model` with a chat request

    native = _same_body(api)
    return Endpoint(path, api, chat, run, operation, estimate_usage, native, accepts_forms=accepts_forms)


def _google_embeddings(method: str) -> Endpoint:
    """Return an endpoint of embeddings in Google's form."""
    endpoint = _media_endpoint(
        _google_path(method), embed_content, "embeddings", request_estimate.estimate_embeddings
    )
    return replace(endpoint, errors=gemini, bases=GOOGLE_VERSIONS)


def _own_native(api: NativeApi) -> BuildNative:
    """Return the API's own function. The first request imports it."""

    def build(body: Json, headers: Mapping[str, str]) -> NativeRequest:
        return api.native_request(body, headers)

    return build


def _native_compaction(body: Json, headers: Mapping[str, str]) -> NativeRequest | None:
    return compact.native_request(body, headers, path=COMPACT)


def _same_body(api: RequestParser) -> BuildNative:
    """Return the default: the client's whole body, and those of its headers that the API forwards."""

    def build(body: Json, headers: Mapping[str, str]) -> NativeRequest | None:
        if not api.native:
            return None
        return NativeRequest(api.native, body, forwarded_headers(api.headers, headers))

    return build


GOOGLE_COUNT_TOKENS = "/models/{model}:countTokens"  # at a provider
COUNT_TOKENS = "/messages/count_tokens"
COMPACT = "/responses/compact"
INPUT_TOKENS = "/responses/input_tokens"


def _count_tokens(path: str, field: str, **fields: str) -> Run:
    """Return the run of a count of tokens at this path of a provider.

    Without one, the response has an estimate in the field, `"estimated": true`, and the other fields.
    """

    async def run(gateway: Gateway, call: Call) -> Json:
        try:
            counts = await gateway.forward(call, path)
        except AttemptsExhausted:
            if call.native is not None and call.native.is_continuation:
                raise  # an estimate would leave out the part that the provider holds
            counts = None
        return counts or {**fields, field: estimate_request(call.request), "estimated": True}

    return run


ENDPOINTS: tuple[Endpoint, ...] = (
    replace(_chat_endpoint("/chat/completions", chat, chat.native_request), build_encoder=chat.encoder_for),
    _chat_endpoint("/messages", messages, _own_native(messages), seals_state=True),
    _chat_endpoint("/responses", responses, _own_native(responses), seals_state=True),
    Endpoint(
        COMPACT,
        compact,
        responses,
        _complete(compact),
        "chat",
        request_estimate.estimate_chat,
        _native_compaction,
        seals_state=True,
    ),
    Endpoint(
        INPUT_TOKENS,
        responses,
        responses,
        _count_tokens(INPUT_TOKENS, "input_tokens", object="response.input_tokens"),
        "chat",
        None,
        _own_native(responses),
    ),
    Endpoint(
        COUNT_TOKENS,
        messages,
        messages,
        _count_tokens(COUNT_TOKENS, "input_tokens"),
        "chat",
        None,
        _own_native(messages),
    ),
    _google_endpoint("generateContent", _complete(gemini), request_estimate.estimate_chat),
    _google_endpoint(
        "streamGenerateContent", _complete(gemini), request_estimate.estimate_chat, streams=True
    ),
    _google_endpoint("countTokens", _count_tokens(GOOGLE_COUNT_TOKENS, "totalTokens"), None),
    _google_embeddings("embedContent"),
    _google_embeddings("batchEmbedContents"),
    _media_endpoint("/embeddings", embeddings, "embeddings", request_estimate.estimate_embeddings),
    _media_endpoint("/images/generations", images, "generate_content", request_estimate.estimate_images),
    _media_endpoint(
        "/images/edits",
        image_edits,
        "generate_content",
        request_estimate.estimate_image_edits,
        accepts_forms=True,
    ),
    _media_endpoint("/moderations", moderations, "moderation", request_estimate.estimate_moderations),
)
EXPLAINED = ENDPOINTS[0]  # POST /v1/explain takes a body of this endpoint

# What shows a client's API: a method of Google's, the first segment of a path, or a header of its own.
GOOGLE_METHODS: Mapping[str, ClientApi] = {
    row.path.rpartition(":")[2]: row.errors for row in ENDPOINTS if "}:" in row.path
}
_SEGMENTS: Mapping[str, ClientApi] = {
    row.path.split("/")[1]: row.errors for row in ENDPOINTS if "{" not in row.path
}
_HEADERS: Mapping[str, ClientApi] = {"anthropic-version": messages, "x-goog-api-client": gemini}
_VERSION = re.compile(r"/v1(?=/)")


def api_at(path: str, headers: Mapping[str, str]) -> ClientApi:
    """Return the API in whose format a client expects an answer, whether or not there is an endpoint."""
    if path.startswith(GOOGLE_VERSIONS[0]):
        return gemini
    by_path = GOOGLE_METHODS.get(path.rpartition(":")[2]) or _SEGMENTS.get(
        _VERSION.sub("", path, 1).split("/")[1]
    )
    return by_path or next((api for name, api in _HEADERS.items() if name in headers), chat)
