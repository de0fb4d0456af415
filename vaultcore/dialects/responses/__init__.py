"""OpenAI Responses: https://platform.openai.com/docs/api-reference/responses."""

from __future__ import annotations

from vaultcore.dialects.responses.decoder import Decoder
from vaultcore.dialects.responses.reasoning_owner import pass_answer, pass_event, pass_request
from vaultcore.dialects.responses.request import render_path, render_request
from vaultcore.dialects.responses.response import parse_completion, parse_error
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk

__all__ = [
    "decoder",
    "parse_completion",
    "parse_error",
    "pass_answer",
    "pass_event",
    "pass_request",
    "render_path",
    "render_request",
]


def decoder() -> Stage[Event, ChatChunk]:
    return Decoder()
