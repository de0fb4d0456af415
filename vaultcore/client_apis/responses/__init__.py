"""`POST /v1/responses`: https://platform.openai.com/docs/api-reference/responses.

The gateway stores no responses: a client sends the whole conversation with each request, reasoning included.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from vaultcore.client_apis import chat
from vaultcore.client_apis.responses.encoder import Encoder
from vaultcore.client_apis.responses.request import asks_for_compaction, parse_request
from vaultcore.client_apis.responses.response import render_response
from vaultcore.client_apis.responses.stream_failure import error_event
from vaultcore.client_apis.responses.unsupported_fields import translation_changes
from vaultcore.dialects import NativeRequest
from vaultcore.errors import GatewayError
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatRequest, Json

__all__ = [
    "encoder",
    "headers",
    "native",
    "native_request",
    "parse_request",
    "render_error",
    "render_response",
    "render_stream_error",
]

native = "responses"
headers: tuple[str, ...] = ()


def native_request(body: Json, headers: Mapping[str, str]) -> NativeRequest:  # noqa: ARG001 - none is forwarded
    """Return the client's own body for a provider that speaks Responses."""
    changes = partial(translation_changes, body)
    return NativeRequest(native, body, {}, changes, needs_compaction=asks_for_compaction(body))


def encoder(request: ChatRequest) -> Stage[ChatChunk, Event]:
    return Encoder(request)


def render_error(error: GatewayError) -> Json:
    return chat.render_error(error)


def render_stream_error(error: GatewayError) -> Event:
    return error_event(error)
