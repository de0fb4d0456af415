"""`POST /v1/chat/completions`: https://platform.openai.com/docs/api-reference/chat.

Chat completions are the gateway's internal format, so this module translates little. Cursor sends bodies of
the Responses API to this path, and expects chat completions in return.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vaultcore.client_apis import legacy_functions, responses_shape
from vaultcore.client_apis.chat_validation import validate_chat_request
from vaultcore.client_apis.json_text import dump
from vaultcore.client_apis.thinking_blocks import ThinkingBlockJoiner, assigns_fields
from vaultcore.dialects import NativeRequest
from vaultcore.errors import AttemptsExhausted, GatewayError, InvalidRequest
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatCompletion, ChatRequest, Json

native = (
    ""  # responses of OpenAI-compatible providers are repaired, never passed through: see dialects/openai
)
headers = ()
DONE = Event("[DONE]")
ENVELOPE = ("id", "object", "created", "model")


def parse_request(body: object) -> ChatRequest:
    """Return the request. A body of the Responses API, as Cursor sends it to this path, is translated."""
    if responses_shape.is_responses_body(body):
        return responses_shape.parse_body(body)
    if isinstance(body, dict) and "response_format" in body:
        body = _nest_schema(body)
    return validate_chat_request(body)


def _nest_schema(body: Json) -> Json:
    """Return the body with the schema of a response format where OpenAI expects it.

    Clients of Together AI write `{"type": "json_schema", "schema": {...}}`.
    """
    match body["response_format"]:
        case {"type": "json_schema", "schema": dict() as schema, **rest} if rest.get("json_schema") is None:
            nested = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
            return {**body, "response_format": nested}
        case _:
            return body


def native_request(body: Json, headers: Mapping[str, str]) -> NativeRequest | None:  # noqa: ARG001 - none is forwarded
    """Return a body of the Responses API with the changes of its translation; None for a chat request."""
    return responses_shape.changes_only(body) if responses_shape.is_responses_body(body) else None


def render_response(completion: ChatCompletion, request: ChatRequest) -> Json:
    """Return the completion; tool calls become function calls if the request uses functions."""
    return (
        legacy_functions.render_functions(completion)
        if legacy_functions.uses_functions(request)
        else render_completion(completion)
    )


def render_completion(completion: ChatCompletion) -> Json:
    """Return the completion with `logprobs` and `refusal` in every choice.

    OpenAI's schema requires both keys; they are null if the provider sent none.
    """
    choices = [
        {"logprobs": None, **choice, "message": {"refusal": None, **choice["message"]}}
        for choice in completion["choices"]
    ]
    return {**completion, "choices": choices}


def encoder(request: ChatRequest) -> Stage[ChatChunk, Event]:
    options = request.get("stream_options") or {}
    chunk_encoder = ChatUsageEncoder() if options.get("include_usage") else ChatEncoder()
    if legacy_functions.uses_functions(request):
        return legacy_functions.FunctionCallEncoder(chunk_encoder)
    return chunk_encoder


def encoder_for(request: ChatRequest, headers: Mapping[str, str]) -> Stage[ChatChunk, Event]:
    """Return an encoder for the library that the client's headers name."""
    chunk_encoder = encoder(request)
    return ThinkingBlockJoiner(chunk_encoder) if assigns_fields(headers) else chunk_encoder


def render_error(error: GatewayError) -> Json:
    """Return OpenAI's error body with the provider's further fields. Add `attempts` if every one failed."""
    detail: Json = {
        **error.fields,
        "message": str(error),
        "type": error.type,
        "param": error.param,
        "code": error.code,
    }
    if isinstance(error, AttemptsExhausted):
        detail["attempts"] = [
            {
                "provider": failure.provider,
                "model": failure.model,
                "status": failure.upstream_status,
                "fault": failure.fault.name.lower(),
                "reason": str(failure),
            }
            for failure in error.failures
        ]
        detail["attempts"] += [_skipped_target(name, reason) for name, reason in error.refusals.items()]
    return {"error": detail}


def _skipped_target(name: str, reason: InvalidRequest) -> Json:
    """Return the entry of a target that was not called, because it cannot carry the request."""
    provider, _, model = name.partition("/")
    text = f"cannot carry the request: {reason}"
    return {"provider": provider, "model": model, "status": None, "fault": "request", "reason": text}


def render_stream_error(error: GatewayError) -> Event:
    return Event(dump(render_error(error)))


class ChatEncoder:
    """Encodes chunks for a client that did not request usage, and removes usage from them."""

    __slots__ = ()

    def feed(self, item: ChatChunk) -> Iterable[Event]:
        if "usage" not in item:
            return (Event(dump(item)),)
        if not item.get("choices"):
            return ()
        public = item.copy()
        del public["usage"]
        return (Event(dump(public)),)

    def close(self) -> Iterable[Event]:
        return (DONE,)


class ChatUsageEncoder:
    """Encodes chunks for a client that requested usage.

    Usage is null in every chunk except the last one, which has no choices.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: ChatChunk | None = None

    def feed(self, item: ChatChunk) -> Iterable[Event]:
        if item.get("usage"):
            self._last = item  # replaces earlier usage, which was a running count
        if "usage" in item and not item.get("choices"):
            return ()
        return (Event(dump({**item, "usage": None})),)

    def close(self) -> Iterable[Event]:
        if self._last is None:
            return (DONE,)
        envelope = {name: value for name, value in self._last.items() if name in ENVELOPE}
        return (Event(dump({**envelope, "choices": [], "usage": self._last["usage"]})), DONE)
