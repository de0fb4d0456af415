"""Anthropic Messages: https://docs.claude.com/en/api/messages."""

from __future__ import annotations

from vaultcore.dialects.anthropic.decoder import Decoder
from vaultcore.dialects.anthropic.request import render_path, render_request
from vaultcore.dialects.anthropic.response import parse_completion, parse_error
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk

__all__ = ["decoder", "parse_completion", "parse_error", "render_path", "render_request"]


def decoder() -> Stage[Event, ChatChunk]:
    return Decoder()
