"""Cohere's own chat API, version 2: https://docs.cohere.com/v2/reference/chat."""

from __future__ import annotations

from vaultcore.dialects.cohere.decoder import Decoder
from vaultcore.dialects.cohere.request import render_path, render_request
from vaultcore.dialects.cohere.response import parse_completion, parse_error
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk

__all__ = ["decoder", "parse_completion", "parse_error", "render_path", "render_request"]


def decoder() -> Stage[Event, ChatChunk]:
    return Decoder()
