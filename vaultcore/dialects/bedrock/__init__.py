"""Amazon Bedrock's Converse: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html."""

from __future__ import annotations

from vaultcore.dialects.bedrock.decoder import Decoder
from vaultcore.dialects.bedrock.request import render_path, render_request
from vaultcore.dialects.bedrock.response import parse_completion, parse_error
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk

__all__ = ["decoder", "parse_completion", "parse_error", "render_path", "render_request"]


def decoder() -> Stage[Event, ChatChunk]:
    return Decoder()
