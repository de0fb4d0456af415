"""Parses chat completions: https://platform.openai.com/docs/api-reference/chat/object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.dialects import ErrorDetail, repair, response_shape
from vaultcore.dialects.json_fields import require_object
from vaultcore.dialects.provider_error import parse_error_body
from vaultcore.dialects.usage_counts import TOOL_MARKS, message_tool_uses, with_tool_uses
from vaultcore.wire import ChatCompletion, Json

if TYPE_CHECKING:
    from vaultcore.dialects.openai.wire import OpenAIChoice, OpenAIMessage, OpenAIResponse, OpenAIToolCall

SOUND_CHOICE = frozenset({"index", "message", "finish_reason", "logprobs"})
SOUND_REASONS = ("stop", "length")
SOUND_MESSAGE = frozenset({"role", "content", "refusal", "annotations"})
OUTPUT_FIELDS = ("content", "reasoning_content", "refusal", "audio", "images")


def parse_response(body: Json) -> ChatCompletion:
    """Return the completion with repaired fields; unknown fields stay.

    Raise StreamFault if it reports an error, ValueError if it has no choices or unusable ones.
    """
    response = cast("OpenAIResponse", require_object(body, "the response"))
    choices = response.get("choices")
    if not choices and repair.is_error(response):
        raise repair.stream_fault(response)
    if not isinstance(choices, list) or not choices:
        raise ValueError("the response has no choices")
    response_id = response.get("id")
    has_id = isinstance(response_id, str) and response_id
    completion: Json = {
        "id": None,  # first, as in OpenAI's responses
        **response,
        "object": "chat.completion",
        "created": repair.parse_timestamp(response.get("created")),
        "choices": [
            _sound_choice(choice) or _choice(position, choice, response_id)
            for position, choice in enumerate(choices)
        ],
    }
    if not has_id:
        completion["id"] = repair.derive_id("chatcmpl-", choices)
    if not isinstance(completion.get("model"), str):
        completion["model"] = ""
    repair.repair_service_tier(completion)
    usage = repair.repair_usage(completion.pop("usage", None)) or {}
    uses = {"web_search": 1} if completion.get("web_search") else {}  # Z.AI: the pages that it has found
    for choice in completion["choices"]:
        if not TOOL_MARKS.isdisjoint(choice["message"]):
            uses = message_tool_uses(choice["message"], uses)
    if uses:
        usage = with_tool_uses(usage, {**uses, **usage.get("tool_uses", {})})
    return cast(ChatCompletion, {**completion, "usage": usage} if usage else completion)


def parse_error(status: int, body: bytes) -> ErrorDetail:  # noqa: ARG001 - the protocol's signature
    return parse_error_body(body)


def _sound_choice(choice: object) -> Json | None:
    """Return a choice with nothing but a text, as most are; None if it may need a repair."""
    if type(choice) is not dict or not choice.keys() <= SOUND_CHOICE or type(choice.get("index")) is not int:
        return None
    message = choice.get("message")
    if type(message) is not dict or type(message.get("content")) is not str:
        return None
    if not message.keys() <= SOUND_MESSAGE or message.get("refusal") is not None:
        return None
    if message.get("annotations") not in (None, []):
        return None
    if choice.get("finish_reason") not in SOUND_REASONS or choice.get("logprobs") is not None:
        return None
    return {**choice, "message": {**message, "role": "assistant"}}


def _choice(position: int, raw: object, response_id: object) -> Json:
    choice = cast("OpenAIChoice", require_object(raw, "a choice"))
    if choice.get("error"):
        raise repair.stream_fault(cast(Json, choice))
    raw_message = cast("OpenAIMessage", require_object(choice.get("message"), "a message"))
    choice = cast("OpenAIChoice", {**choice})
    response_shape.check_choice(cast(Json, choice))
    message = _message(raw_message, position, response_id)
    calls = message.get("tool_calls")
    has_output = any(message.get(name) for name in OUTPUT_FIELDS)
    reason = repair.map_finish_reason(
        choice.get("finish_reason"), has_calls=bool(calls), has_output=has_output
    )
    index = choice.get("index")
    index = index if type(index) is int else position
    return {**choice, "index": index, "message": message, "finish_reason": reason}


def _message(raw: OpenAIMessage, choice: int, response_id: object) -> Json:
    message: Json = {**raw, "role": "assistant"}
    message.setdefault("content", None)
    response_shape.check_output(message)
    response_shape.check_calls(message)
    repair.repair_text(message)
    calls = message.pop("tool_calls", None)
    if function := pop_function_call(message):
        calls = calls or [{"type": "function", "function": function}]
    if isinstance(calls, list) and calls:
        message["tool_calls"] = [_call(call, choice, i, response_id) for i, call in enumerate(calls)]
    elif message["content"] is None and not message.get("refusal"):
        message["content"] = ""
    return message


def pop_function_call(message: Json) -> Json | None:
    """Remove `function_call`, the predecessor of tool calls, and return it; None if it is missing or empty.

    Snowflake sends an empty one beside the text. It calls nothing, and stays.
    """
    function = message.get("function_call")
    if not isinstance(function, dict) or not (function.get("name") or function.get("arguments")):
        return None
    del message["function_call"]
    return function


def _call(raw: object, choice: int, position: int, response_id: object) -> Json:
    source = cast("OpenAIToolCall", require_object(raw, "a tool call"))
    call_id, kind = source.get("id"), source.get("type")
    has_id = isinstance(call_id, str) and call_id
    call: Json = {
        **source,
        "id": call_id if has_id else repair.derive_id("call_", response_id, choice, position),
    }
    call["type"] = kind if isinstance(kind, str) and kind else "function"
    function = source.get("function")
    if isinstance(function, dict):
        text = repair.arguments_text(function.get("arguments"))
        call["function"] = {**function, "arguments": text if text.strip() else "{}"}
    elif "custom" not in source:
        raise ValueError("a tool call has no function")
    return call
