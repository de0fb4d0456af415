"""A Converse response as a chat completion.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.dialects import ErrorDetail, StreamFault, repair
from vaultcore.dialects.json_fields import dump, require_object, string_field
from vaultcore.dialects.provider_error import parse_error_body
from vaultcore.dialects.turn_order import position
from vaultcore.dialects.usage_counts import mark_unusable, read_count, with_tool_uses
from vaultcore.wire import ChatCompletion, FinishReason, Json, Usage

if TYPE_CHECKING:
    from vaultcore.dialects.bedrock.wire import (
        ConverseCitation,
        ConverseCitations,
        ConverseReasoningContent,
        ConverseResponse,
        ConverseResponseMessage,
        ConverseServiceTier,
        ConverseToolUse,
        ConverseUsage,
    )

FINISH_REASONS: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
FAILURES = ("malformed_model_output", "malformed_tool_use")  # stop reasons of a failed attempt
SERVER_TOOL = "server_tool_use"  # type of a call that the provider answers itself
# Name of such a tool -> unit of usage/tool_charges.py.
SERVER_TOOLS = {"nova_grounding": "web_search", "nova_code_interpreter": "code_execution"}
COUNTS = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
NO_USES: Mapping[str, int] = {}


def parse_response(body: Json) -> ChatCompletion:
    """Return the completion. Raise StreamFault for a failed one, ValueError for a malformed response."""
    response = cast("ConverseResponse", require_object(body, "a response"))
    output = response.get("output")
    message = output.get("message") if isinstance(output, dict) else None
    if not isinstance(message, dict):
        raise ValueError("a response without a message")  # noqa: TRY004 - the provider's data, not our call
    parsed = _parse_message(message)
    finish_reason = parse_stop_reason(
        response.get("stopReason"),
        has_calls=bool(parsed.get("tool_calls")),
        has_output=bool(parsed.get("content") or parsed.get("reasoning_content")),
    )
    completion: Json = {
        "id": repair.derive_id("chatcmpl-", dump(response)),  # the API returns an id in a header only
        "object": "chat.completion",
        "created": 0,
        "model": "",
        "choices": [{"index": 0, "message": parsed, "finish_reason": finish_reason}],
    }
    usage = response.get("usage")
    uses: dict[str, int] = {}
    blocks = message.get("content")
    for block in blocks if isinstance(blocks, list) else ():
        uses = count_call(block.get("toolUse"), uses) if isinstance(block, dict) else uses
    if isinstance(usage, dict):
        completion["usage"] = parse_usage(usage, uses)
    if (tier := parse_service_tier(response.get("serviceTier"))) is not None:
        completion["service_tier"] = tier
    return cast(ChatCompletion, completion)


def parse_error(status: int, body: bytes) -> ErrorDetail:  # noqa: ARG001 - a parameter of the protocol
    return parse_error_body(body)


def parse_stop_reason(reason: object, *, has_calls: bool, has_output: bool) -> FinishReason:
    """Return OpenAI's finish reason. Raise StreamFault if the reason is a failure.

    Raise ValueError for an unknown reason of an empty response.
    """
    if isinstance(reason, str) and reason in FAILURES:
        raise StreamFault(ErrorDetail(f"the provider ended the response with {reason}", reason))
    if isinstance(reason, str) and reason in FINISH_REASONS:
        finish_reason = FINISH_REASONS[reason]
        if finish_reason == "stop" and has_calls:
            return "tool_calls"
        return "stop" if finish_reason == "tool_calls" and not has_calls else finish_reason
    return repair.map_finish_reason(reason, has_calls=has_calls, has_output=has_output)


def count_call(call: object, uses: Mapping[str, int]) -> dict[str, int]:
    """Return the uses of Amazon's own tools so far with a call, if it is one that Bedrock answers itself."""
    if not isinstance(call, dict) or call.get("type") != SERVER_TOOL:
        return dict(uses)
    unit = SERVER_TOOLS.get(str(call.get("name")))
    return {**uses, unit: uses.get(unit, 0) + 1} if unit else dict(uses)


def parse_usage(usage: ConverseUsage, uses: Mapping[str, int] = NO_USES) -> Usage:
    """Return the usage. Its prompt tokens include cache reads and writes, which Bedrock counts separately.

    `uses` are the uses of Amazon's own tools.

    >>> parse_usage({"inputTokens": 2, "cacheReadInputTokens": 7, "outputTokens": 5})["prompt_tokens"]
    9
    """
    cache_reads, cache_writes = (
        read_count(usage, "cacheReadInputTokens"),
        read_count(usage, "cacheWriteInputTokens"),
    )
    prompt = read_count(usage, "inputTokens") + cache_reads + cache_writes
    completion = read_count(usage, "outputTokens")
    details: Json = {"cached_tokens": cache_reads, "cache_write_tokens": cache_writes}
    if one_hour_writes := _count_one_hour_writes(usage):
        details["cache_write_1h_tokens"] = one_hour_writes
    parsed: Usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": details,
    }
    return mark_unusable(with_tool_uses(parsed, uses), usage, COUNTS)


def parse_service_tier(service_tier: ConverseServiceTier | None) -> str | None:
    """Return the tier that served the request, or None if OpenAI has no name for it."""
    tier = service_tier.get("type") if isinstance(service_tier, dict) else None
    return tier if isinstance(tier, str) and tier in repair.TIERS else None


def parse_citation(citation: ConverseCitation | None, start: int, end: int) -> Json | None:
    """Return the annotation of a cited page or document, or None. `start` and `end` delimit the citing text.

    A document has no URL: it is `document:` and its index in the request.
    """
    match citation:
        case {"location": {"web": {"url": str(url)}}}:
            pass
        case {"source": str(url)} if url:
            pass
        case {"location": dict() as location} if (index := _document_index(location)) is not None:
            url = f"document:{index}"
        case _:
            return None
    annotation = {
        "start_index": start,
        "end_index": end,
        "url": url,
        "title": string_field(cast(Json, citation), "title"),
    }
    return {"type": "url_citation", "url_citation": annotation}


def _document_index(location: Mapping[str, object]) -> int | None:
    """Return the index of the document in a location: `{"documentPage": {"documentIndex": 0, …}}`."""
    for place in location.values():
        index = place.get("documentIndex") if isinstance(place, dict) else None
        if isinstance(index, int):
            return index
    return None


def _count_one_hour_writes(usage: ConverseUsage) -> int:
    details = usage.get("cacheDetails")
    if not isinstance(details, list):
        return 0
    return sum(
        read_count(each, "inputTokens")
        for each in details
        if isinstance(each, dict) and each.get("ttl") == "1h"
    )


def _parse_message(message: ConverseResponseMessage) -> Json:
    """Return OpenAI's message. Skip the blocks of server tools, which no client can answer."""
    text, annotations, reasoning, calls = "", list[Json](), list[Json](), list[Json]()
    blocks = message.get("content")
    for block in blocks if isinstance(blocks, list) else ():
        match block:
            case {"text": str(content)}:
                text += content
            case {"citationsContent": dict()}:
                start = len(text)
                text += _cited_text(block["citationsContent"])
                annotations += _parse_citations(block["citationsContent"], start, len(text))
            case {"reasoningContent": dict()}:
                place = position(len(text), len(calls))
                reasoning += [{**each, **place} for each in _parse_reasoning(block["reasoningContent"])]
            case {"toolUse": dict()}:
                calls += _parse_call(block["toolUse"])
    parsed: Json = {"role": "assistant", "content": text or (None if calls else ""), "refusal": None}
    if reasoning_text := "".join(string_field(block, "thinking") for block in reasoning):
        parsed["reasoning_content"] = reasoning_text
    if reasoning:
        parsed["thinking_blocks"] = reasoning
    if calls:
        parsed["tool_calls"] = calls
    if annotations:
        parsed["annotations"] = annotations
    return parsed


def _cited_text(content: ConverseCitations) -> str:
    texts = content.get("content")
    return "".join(
        string_field(each, "text")
        for each in (texts if isinstance(texts, list) else ())
        if isinstance(each, dict)
    )


def _parse_citations(content: ConverseCitations, start: int, end: int) -> list[Json]:
    citations = content.get("citations")
    annotations = (
        parse_citation(each, start, end) for each in (citations if isinstance(citations, list) else ())
    )
    return [annotation for annotation in annotations if annotation is not None]


def _parse_reasoning(content: ConverseReasoningContent) -> list[Json]:
    """Return reasoning as thinking blocks: readable text with its signature, or redacted bytes."""
    blocks: list[Json] = []
    text = content.get("reasoningText")
    if isinstance(text, dict):
        block: Json = {"type": "thinking", "thinking": string_field(text, "text")}
        if signature := string_field(text, "signature"):
            block["signature"] = signature
        blocks.append(block)
    if redacted := string_field(content, "redactedContent"):
        blocks.append({"type": "redacted_thinking", "data": redacted})
    return blocks


def _parse_call(tool_use: ConverseToolUse) -> list[Json]:
    """Return the call in a list, or an empty list for a call that the provider answers itself."""
    if tool_use.get("type") == SERVER_TOOL:
        return []
    arguments = tool_use.get("input")
    function = {
        "name": str(tool_use.get("name") or ""),
        "arguments": dump({} if arguments is None else arguments),
    }
    return [{"id": str(tool_use.get("toolUseId") or ""), "type": "function", "function": function}]
