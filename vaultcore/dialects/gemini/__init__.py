"""Google Gemini, generateContent and streamGenerateContent: https://ai.google.dev/api/generate-content."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.catalog.schema import MediaOffer
from vaultcore.dialects.gemini.decoder import Decoder
from vaultcore.dialects.gemini.native import with_max_tokens, with_model
from vaultcore.dialects.gemini.request import render_path, render_request
from vaultcore.dialects.gemini.response import parse_error, parse_response
from vaultcore.dialects.tool_names import ToolNameRule
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk

__all__ = [
    "create_decoder",
    "max_tokens_field",
    "media_offers",
    "parse_error",
    "parse_response",
    "reads_thinking",
    "render_path",
    "render_request",
    "requires_call_ids",
    "tool_names",
    "with_max_tokens",
    "with_model",
]

max_tokens_field = ""  # generationConfig.maxOutputTokens
requires_call_ids = True
tool_names = ToolNameRule("a-zA-Z0-9_.:-", first="a-zA-Z_")
reads_thinking = True
media_offers: Mapping[str, MediaOffer] = {}


def create_decoder() -> Stage[Event, ChatChunk]:
    return Decoder()
