"""Amazon Bedrock Converse: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.catalog.schema import MediaOffer
from vaultcore.dialects.bedrock.decoder import Decoder
from vaultcore.dialects.bedrock.request import render_path, render_request
from vaultcore.dialects.bedrock.response import parse_error, parse_response
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
]

max_tokens_field = ""  # inferenceConfig.maxTokens
requires_call_ids = True
tool_names = ToolNameRule()
reads_thinking = True
media_offers: Mapping[str, MediaOffer] = {}


def create_decoder() -> Stage[Event, ChatChunk]:
    return Decoder()
