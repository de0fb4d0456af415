"""Parses responses: https://platform.openai.com/docs/api-reference/responses/object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.dialects import ErrorDetail, StreamFault, repair
from vaultcore.dialects.json_fields import require_object, string_field
from vaultcore.dialects.provider_error import parse_error_body
from vaultcore.dialects.response_shape import has_valid_logprobs
from vaultcore.dialects.responses.reasoning import render_block
from vaultcore.dialects.responses.tool_uses import parse_tool_uses
from vaultcore.dialects.usage_counts import (
    cache_details,
    mark_unusable,
    read_count,
    whole_counts,
    with_tool_uses,
)
from vaultcore.wire import ChatCompletion, FinishReason, Json, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultcore.dialects.responses.wire import (
        ResponsesOutputItem,
        ResponsesOutputPart,
        ResponsesResponse,
        ResponsesUsage,
    )

SUMMARY_SEPARATOR = "\n\n"  # between the parts of a reasoning summary
CALLS = ("function_call", "custom_tool_call")
MODALITIES = ("audio_tokens", "image_tokens", "video_tokens")  # fields of token details
DETAILS = ("cached_tokens", "cache_write_tokens", *MODALITIES)  # of input_tokens_details


def parse_response(body: Json) -> ChatCompletion:
    """Return the completion. Raise StreamFault for a failed response, ValueError for an invalid one."""
    response = cast("ResponsesResponse", require_object(body, "the response"))
    if response.get("error") or response.get("status") == "failed":
        raise response_fault(response)
    if not isinstance(response.get("output"), list):
        raise ValueError("the response has no output")  # noqa: TRY004 - bad data, not a wrong type
    items = [cast("ResponsesOutputItem", require_object(item, "an item")) for item in response["output"]]
    message = _parse_message(items, string_field(response, "model"))
    reason = parse_finish_reason(response, has_calls=bool(message.get("tool_calls")))
    completion: Json = {
        "id": string_field(response, "id"),
        "object": "chat.completion",
        "created": repair.parse_timestamp(response.get("created_at")),
        "model": string_field(response, "model"),
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
    }
    logprobs = [each for item in items for part in _message_parts(item) for each in _list(part, "logprobs")]
    if parsed := parse_logprobs(logprobs):
        completion["choices"][0]["logprobs"] = parsed
    completion |= parse_service_tier(response)
    if usage := response_usage(response):
        completion["usage"] = usage
    return cast(ChatCompletion, completion)


def parse_logprobs(tokens: object) -> Json | None:
    """Return OpenAI's `logprobs`, or None if there are none or unusable ones."""
    logprobs: Json = {"content": tokens, "refusal": None}
    return logprobs if tokens and has_valid_logprobs(logprobs) else None


def parse_error(status: int, body: bytes) -> ErrorDetail:  # noqa: ARG001 - the protocol's signature
    return parse_error_body(body)


def response_fault(response: ResponsesResponse) -> StreamFault:
    """Return the fault of a failed response."""
    error = response.get("error")
    return repair.stream_fault({"error": error or "the response failed"})


def parse_finish_reason(response: ResponsesResponse, *, has_calls: bool) -> FinishReason:
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    if response.get("status") == "incomplete" or reason:
        return "content_filter" if reason == "content_filter" else "length"
    return "tool_calls" if has_calls else "stop"


def parse_usage(usage: ResponsesUsage | None) -> Usage | None:
    """Return the usage. Its prompt includes the cached tokens, its completion the reasoning."""
    if not isinstance(usage, dict):
        return None
    inputs, outputs = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    prompt, completion = read_count(usage, "input_tokens"), read_count(usage, "output_tokens")
    cache, reasoning = cache_details(usage, inputs), read_count(outputs, "reasoning_tokens")
    total = read_count(usage, "total_tokens")
    counts = whole_counts((prompt, completion, total), cache, reasoning)
    if isinstance(inputs, dict) or cache:
        names = [name for name in DETAILS if isinstance(inputs, dict) and name in inputs]
        counts["prompt_tokens_details"] = {name: read_count(inputs, name) for name in names} | cache
    if isinstance(outputs, dict):
        names = [name for name in MODALITIES if name in outputs]
        counts["completion_tokens_details"] = {
            "reasoning_tokens": reasoning,
            **{name: read_count(outputs, name) for name in names},
        }
    return mark_unusable(counts, usage, ("input_tokens", "output_tokens"))


def response_usage(response: ResponsesResponse, items: Sequence[object] = ()) -> Usage:
    """Return the usage of a response with the uses of the provider's own tools; empty if it has none.

    `items` are the items of its stream that use a tool.
    """
    usage = parse_usage(response.get("usage")) or {}
    return with_tool_uses(usage, parse_tool_uses(response, items))


def parse_service_tier(response: ResponsesResponse) -> Json:
    """Return `{"service_tier": "flex"}` if the response names a tier that OpenAI defines, else `{}`."""
    tier: Json = {"service_tier": response.get("service_tier")}
    repair.repair_service_tier(tier)
    return tier


def parse_citation(annotation: object, start: int) -> Json | None:
    """Return a URL citation as an annotation of chat completions, or None for another annotation.

    `start` is the offset of the part in the whole text, in characters.
    """
    match annotation:
        case {"type": "url_citation", "url": str(url), "start_index": int(at), "end_index": int(end), **rest}:
            title = rest.get("title") or ""
            citation = {"start_index": start + at, "end_index": start + end, "url": url, "title": title}
            return {"type": "url_citation", "url_citation": citation}
        case _:
            return None


def parse_call(item: ResponsesOutputItem) -> ToolCall:
    """Return a complete tool call."""
    call_id = string_field(item, "call_id") or string_field(item, "id")
    if item["type"] == "custom_tool_call":
        custom = {"name": string_field(item, "name"), "input": string_field(item, "input")}
        return cast(ToolCall, {"id": call_id, "type": "custom", "custom": custom})
    arguments = string_field(item, "arguments") or "{}"
    function = {"name": string_field(item, "name"), "arguments": arguments}
    return cast(ToolCall, {"id": call_id, "type": "function", "function": function})


def parse_reasoning(item: ResponsesOutputItem) -> list[str]:
    """Return the parts of the summary or, if there is none, of the reasoning itself."""
    for name in ("summary", "content"):
        texts = [string_field(part, "text") for part in _list(item, name) if isinstance(part, dict)]
        if any(texts):
            return texts
    return []


def _parse_message(items: Sequence[ResponsesOutputItem], model: str) -> Json:
    """Return the message. Calls of the provider's own tools are left out: no client can answer them."""
    text, refusal, annotations = "", "", list[Json]()
    reasoning, blocks, calls = list[str](), list[Json](), list[ToolCall]()
    for item in items:
        match item.get("type"):
            case "message":
                for part in _message_parts(item):
                    citations = [parse_citation(each, len(text)) for each in _list(part, "annotations")]
                    annotations += [each for each in citations if each is not None]
                    text += string_field(part, "text")
                    refusal += string_field(part, "refusal")
            case "reasoning":
                reasoning += [part_text for part_text in parse_reasoning(item) if part_text]
                if item.get("encrypted_content"):
                    blocks.append(render_block(item, model=model))
            case kind if kind in CALLS:
                calls.append(parse_call(item))
    message: Json = {"role": "assistant", "content": text or (None if calls or refusal else "")}
    message["refusal"] = refusal or None
    optional = {
        "reasoning_content": SUMMARY_SEPARATOR.join(reasoning),
        "thinking_blocks": blocks,
        "tool_calls": calls,
        "annotations": annotations,
    }
    return {**message, **{name: value for name, value in optional.items() if value}}


def _message_parts(item: ResponsesOutputItem) -> list[ResponsesOutputPart]:
    if item.get("type") != "message":
        return []
    return [cast("ResponsesOutputPart", part) for part in _list(item, "content") if isinstance(part, dict)]


def _list(record: Mapping[str, object], name: str) -> list[object]:
    value = record.get(name)
    return value if isinstance(value, list) else []
