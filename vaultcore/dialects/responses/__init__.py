"""OpenAI Responses: https://platform.openai.com/docs/api-reference/responses."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects.responses.decoder import Decoder
from vaultcore.dialects.responses.passthrough import ResponsesRewriter
from vaultcore.dialects.responses.request import render_path, render_request
from vaultcore.dialects.responses.response import parse_error, parse_response
from vaultcore.dialects.tool_names import ToolNameRule
from vaultcore.opaque_state.envelope import StateSeal
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk

__all__ = [
    "create_decoder",
    "create_rewriter",
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

max_tokens_field = "max_output_tokens"
requires_call_ids = True
tool_names = ToolNameRule()
strict_schemas = True
reads_thinking = True
media_offers: Mapping[str, MediaOffer] = {}


def create_decoder() -> Stage[Event, ChatChunk]:
    return Decoder()


def create_rewriter(target: Target, seal: StateSeal, path: str) -> ResponsesRewriter:
    return ResponsesRewriter(target, seal, path)
