"""Google Gemini, generateContent and streamGenerateContent: https://ai.google.dev/api/generate-content."""

from __future__ import annotations

from vaultcore.dialects.gemini.decoder import Decoder
from vaultcore.dialects.gemini.request import render_path, render_request
from vaultcore.dialects.gemini.response import parse_completion, parse_error
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk

__all__ = ["decoder", "parse_completion", "parse_error", "render_path", "render_request"]


def decoder() -> Stage[Event, ChatChunk]:
    return Decoder()
