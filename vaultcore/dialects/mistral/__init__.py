"""Mistral chat completions: https://docs.mistral.ai/api/#tag/chat."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.catalog.schema import MediaOffer
from vaultcore.dialects.mistral.decoder import create_decoder
from vaultcore.dialects.mistral.request import render_path, render_request
from vaultcore.dialects.mistral.response import parse_error, parse_response
from vaultcore.dialects.tool_names import ToolNameRule

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

max_tokens_field = "max_tokens"
requires_call_ids = True
tool_names = ToolNameRule()
reads_thinking = False  # the row's column `reasoning` says how it is sent
media_offers: Mapping[str, MediaOffer] = {"moderations": MediaOffer("openai", "/moderations")}
