"""Google's generateContent, streamGenerateContent and countTokens: https://ai.google.dev/api/generate-content.

The path names the model and whether the response is streamed. `Endpoint.with_path` adds both to the body, as
the fields `model` and `stream`; `native_request` removes them again.
"""

from __future__ import annotations

from vaultcore.client_apis.gemini.encoder import Encoder
from vaultcore.client_apis.gemini.errors import render_error, render_stream_error
from vaultcore.client_apis.gemini.framing import find_framing
from vaultcore.client_apis.gemini.request import HEADERS, NATIVE, native_request, parse_request
from vaultcore.client_apis.gemini.response import render_response
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatRequest

__all__ = [
    "encoder",
    "find_framing",
    "headers",
    "native",
    "native_request",
    "parse_request",
    "render_error",
    "render_response",
    "render_stream_error",
]

native = NATIVE
headers = HEADERS


def encoder(request: ChatRequest) -> Stage[ChatChunk, Event]:
    return Encoder(request)
