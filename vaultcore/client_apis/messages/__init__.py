"""`POST /v1/messages`: https://docs.claude.com/en/api/messages."""

from __future__ import annotations

from vaultcore.client_apis.messages.encoder import Encoder
from vaultcore.client_apis.messages.request import HEADERS, NATIVE, native_request, parse_request
from vaultcore.client_apis.messages.response import (
    render_completion,
    render_error,
    render_response,
    render_stream_error,
)
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatRequest

__all__ = [
    "encoder",
    "headers",
    "native",
    "native_request",
    "parse_request",
    "render_completion",
    "render_error",
    "render_response",
    "render_stream_error",
]

native = NATIVE
headers = HEADERS


def encoder(request: ChatRequest) -> Stage[ChatChunk, Event]:
    return Encoder(request)
