"""The data endpoints: one row each. A new endpoint is a row here and the module of its API.

The app makes a route of every row, with and without `/v1`. The web layer reads how to parse a request, what
to reserve, how to run it and how to render errors; spans read the operation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import cast

from vaultcore.call import Call
from vaultcore.client_apis import ClientApi, RequestParser, chat, messages, responses
from vaultcore.dialects import NativeRequest
from vaultcore.errors import AttemptsExhausted
from vaultcore.gateway.gateway import Gateway
from vaultcore.media import MediaApi, embeddings, images, moderations
from vaultcore.usage import request_estimate
from vaultcore.usage.request_estimate import RequestEstimate
from vaultcore.usage.token_estimate import estimate_request
from vaultcore.wire import ChatRequest, Json

BuildNative = Callable[[Json, Mapping[str, str]], NativeRequest | None]
Run = Callable[[Gateway, Call], Awaitable[Json]]
# Estimates a request, which is read from the client's own body if its API is not chat completions.
EstimateUsage = Callable[[ChatRequest, Json | None], RequestEstimate]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One data endpoint: `POST /v1{path}`."""

    path: str  # below /v1
    api: RequestParser
    errors: ClientApi  # renders this endpoint's errors
    run: Run  # makes the whole response's body
    operation: str  # OpenTelemetry's `gen_ai.operation.name`
    estimate_usage: EstimateUsage | None  # what to reserve; None: free of charge
    native: BuildNative  # builds the request to a provider of the client's own dialect
    streams: bool = False  # `"stream": true` gets an event stream, made by `errors`' encoder


def _chat_endpoint(path: str, api: ClientApi, native: BuildNative | None = None) -> Endpoint:
    async def run(gateway: Gateway, call: Call) -> Json:
        response = await gateway.complete(call)
        if call.outcome.is_passthrough:
            return response.body
        return api.render_response(response.completion, call.request)

    native = native or _same_body(api)
    return Endpoint(path, api, api, run, "chat", request_estimate.estimate_chat, native, streams=True)


def _media_endpoint(
    path: str, api: MediaApi, operation: str, estimate: Callable[[Json], RequestEstimate]
) -> Endpoint:
    async def run(gateway: Gateway, call: Call) -> Json:
        return await gateway.media(call, api)

    def estimate_usage(request: ChatRequest, _body: Json | None) -> RequestEstimate:
        return estimate(cast(Json, request))  # a media request shares only `model` with a chat request

    return Endpoint(path, api, chat, run, operation, estimate_usage, _same_body(api))


def _same_body(api: RequestParser) -> BuildNative:
    """Return the default: the client's whole body, and those of its headers that the API forwards."""

    def build(body: Json, headers: Mapping[str, str]) -> NativeRequest | None:
        if not api.native:
            return None
        forwarded = {name: value for name in api.headers if (value := headers.get(name)) is not None}
        return NativeRequest(api.native, body, forwarded)

    return build


COUNT_TOKENS = "/messages/count_tokens"


async def _count_tokens(gateway: Gateway, call: Call) -> Json:
    """Return the provider's count, else an estimate with `"estimated": true`."""
    try:
        counts = await gateway.forward(call, COUNT_TOKENS)
    except AttemptsExhausted:
        counts = None
    return counts or {"input_tokens": estimate_request(call.request), "estimated": True}


ENDPOINTS: tuple[Endpoint, ...] = (
    _chat_endpoint("/chat/completions", chat, chat.native_request),
    _chat_endpoint("/messages", messages, messages.native_request),
    _chat_endpoint("/responses", responses, responses.native_request),
    Endpoint(COUNT_TOKENS, messages, messages, _count_tokens, "chat", None, messages.native_request),
    _media_endpoint("/embeddings", embeddings, "embeddings", request_estimate.estimate_embeddings),
    _media_endpoint("/images/generations", images, "generate_content", request_estimate.estimate_images),
    _media_endpoint("/moderations", moderations, "moderation", request_estimate.estimate_moderations),
)
EXPLAINED = ENDPOINTS[0]  # POST /v1/explain takes a body of this endpoint
_ERRORS: Mapping[str, ClientApi] = {endpoint.path.split("/")[1]: endpoint.errors for endpoint in ENDPOINTS}


def errors_at(path: str) -> ClientApi:
    """Return the API whose error format a client expects at a path, whether or not an endpoint is there."""
    first, _, rest = path.lstrip("/").partition("/")
    return _ERRORS.get(rest.partition("/")[0] if first == "v1" else first, chat)
