"""Anthropic Messages: https://docs.claude.com/en/api/messages."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.catalog.schema import MediaOffer
from vaultcore.dialects.anthropic.cache_control import mark_native
from vaultcore.dialects.anthropic.decoder import Decoder
from vaultcore.dialects.anthropic.native import adapt_native
from vaultcore.dialects.anthropic.request import render_path, render_request
from vaultcore.dialects.anthropic.response import parse_error, parse_response
from vaultcore.dialects.tool_names import ToolNameRule
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk

__all__ = [
    "adapt_native",
    "create_decoder",
    "mark_native",
    "max_tokens_field",
    "media_offers",
    "parse_error",
    "parse_response",
    "reads_thinking",
    "render_path",
    "render_request",
    "requires_call_ids",
    "tool_names",
]

max_tokens_field = "max_tokens"
requires_call_ids = True
tool_names = ToolNameRule(longest=128)
reads_thinking = True
media_offers: Mapping[str, MediaOffer] = {}


def create_decoder() -> Stage[Event, ChatChunk]:
    return Decoder()
