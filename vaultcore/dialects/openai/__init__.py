"""OpenAI chat completions, which most providers use: https://platform.openai.com/docs/api-reference/chat."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.catalog.schema import MediaOffer
from vaultcore.dialects.openai.decoder import Decoder
from vaultcore.dialects.openai.request import render_path, render_request
from vaultcore.dialects.openai.response import parse_error, parse_response
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
    "strict_schemas",
    "tool_names",
]

max_tokens_field = "max_completion_tokens"
requires_call_ids = False
tool_names = ToolNameRule()
strict_schemas = True
reads_thinking = False  # the row's column `reasoning` says how it is sent
media_offers: Mapping[str, MediaOffer] = {
    "embeddings": MediaOffer("openai", "/embeddings", tokens=True, batch=2_048),
    "images": MediaOffer("openai", "/images/generations", "/images/edits", batch=10),
    "moderations": MediaOffer("openai", "/moderations"),
}


def create_decoder() -> Stage[Event, ChatChunk]:
    return Decoder()
