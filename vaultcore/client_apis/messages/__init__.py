"""`POST /v1/messages`: https://docs.claude.com/en/api/messages."""

from __future__ import annotations

from vaultcore.client_apis.messages.encoder import Encoder
from vaultcore.client_apis.messages.request import parse_request
from vaultcore.client_apis.messages.response import (
    error_status,
    render_completion,
    render_error,
    render_response,
    render_stream_error,
)
from vaultcore.client_apis.messages.translation import HEADERS, NATIVE, native_request
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatRequest

__all__ = [
    "encoder",
    "error_status",
    "headers",
    "native",
    "native_request",
    "parse_request",
    "render_completion",
    "render_error",
    "render_response",
    "render_stream_error",
    "request_id_header",
]

native = NATIVE
request_id_header = "request-id"
headers = HEADERS


def encoder(request: ChatRequest) -> Stage[ChatChunk, Event]:
    return Encoder(request)
