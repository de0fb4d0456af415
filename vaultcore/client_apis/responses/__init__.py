"""`POST /v1/responses`: https://platform.openai.com/docs/api-reference/responses.

Nothing is kept here between two requests: a client carries the conversation itself, reasoning included.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from vaultcore.client_apis import chat
from vaultcore.client_apis.responses.encoder import Encoder
from vaultcore.client_apis.responses.request import RequestFields, parse_request
from vaultcore.client_apis.responses.response import render_answer
from vaultcore.client_apis.responses.stream_failure import failure_event
from vaultcore.client_apis.responses.unsupported_fields import losses
from vaultcore.dialects import Native
from vaultcore.errors import GatewayError
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatCompletion, ChatRequest, Json

__all__ = [
    "encoder",
    "headers",
    "native",
    "parse_request",
    "render_answer",
    "render_completion",
    "render_error",
    "render_failure",
    "verbatim",
]

native = "responses"
headers: tuple[str, ...] = ()


def verbatim(body: Json, headers: Mapping[str, str]) -> Native:  # noqa: ARG001 - none goes on
    """What goes on as it is to who speaks the same, and what it loses with everybody else."""
    return Native(native, body, {}, elsewhere=partial(losses, body))


def render_completion(completion: ChatCompletion) -> Json:
    return render_answer(completion, RequestFields({}))


def encoder(request: ChatRequest) -> Stage[ChatChunk, Event]:
    return Encoder(request)


def render_error(error: GatewayError) -> Json:
    return chat.render_error(error)


def render_failure(error: GatewayError) -> Event:
    return failure_event(error)
