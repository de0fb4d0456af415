"""A completion as a message, with Anthropic's content blocks, usage and errors.

https://docs.claude.com/en/api/messages, https://docs.claude.com/en/api/errors
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from vaultcore.casts import cast
from vaultcore.client_apis.json_text import dump
from vaultcore.client_apis.messages.opaque_state import (
    is_anthropic_block,
    message_state,
    pack,
)
from vaultcore.dialects import json_fields
from vaultcore.dialects.turn_order import turn_parts
from vaultcore.errors import GatewayError, LimitExceeded
from vaultcore.opaque_state.carriers import PLACE, opaque_fields
from vaultcore.streams.sse import Event
from vaultcore.usage.token_estimate import estimate_request, estimate_tokens
from vaultcore.wire import ChatCompletion, ChatRequest, Json, Usage

STOP_REASONS: Mapping[str, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
COMPACTION = "compaction"  # stop reason, and type of a block
STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
TOKENS = re.compile(r'"(?:[^"\\]|\\.)*(?:"|$)|[\[\]{}]', re.DOTALL)  # strings, whole or cut off, and brackets
ERROR_TYPES: Mapping[int, str] = {  # by HTTP status
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def render_response(completion: ChatCompletion, request: ChatRequest) -> Json:
    """Return the message; usage is estimated if the provider reports none."""
    message = render_completion(completion)
    if completion.get("usage"):
        return message
    output = estimate_tokens(dump(message["content"])) if message["content"] else 0
    counts = {"input_tokens": estimate_request(request), "output_tokens": output, "estimated": True}
    return {**message, "usage": {**message["usage"], **counts}}


def render_completion(completion: ChatCompletion) -> Json:
    """Return the first choice as a message: this API has no further choices."""
    choice = cast(Json, completion["choices"][0])
    return {
        **render_envelope(completion.get("id", ""), completion.get("model", "")),
        "content": _render_blocks(choice["message"]),
        **render_stop({**choice, "refusal": choice["message"].get("refusal")}),
        "usage": compaction_usage(completion, render_usage(completion.get("usage"))),
        **context_fields(completion),
    }


def context_fields(fields: Mapping[str, object]) -> Json:
    """Return `context_management` of a completion or chunk; the gateway adds it if the client wants edits."""
    edited = fields.get("context_management")
    return {} if edited is None else {"context_management": edited}


def compaction_usage(fields: Mapping[str, object], usage: Json) -> Json:
    """Return a message's usage with that of a compaction as an iteration; the totals exclude it."""
    summary = fields.get("compaction_usage")
    if not isinstance(summary, dict):
        return usage
    own = render_usage(cast(Usage, summary))
    counts = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    compaction = {"type": "compaction", **{name: own[name] for name in counts}}
    message = {"type": "message", **{name: usage[name] for name in counts}}
    return {**usage, "iterations": [compaction, message]}


def render_envelope(completion_id: str, model: str) -> Json:
    message_id = (
        completion_id
        if completion_id.startswith("msg_")
        else f"msg_{completion_id.removeprefix('chatcmpl-')}"
    )
    return {"id": message_id, "type": "message", "role": "assistant", "model": model}


def render_stop(choice: Json) -> Json:
    """Return the stop reason, and the stop sequence if the provider reports it."""
    reason, matched = choice.get("finish_reason"), choice.get("stop_reason")
    sequence = matched if reason == "stop" and isinstance(matched, str) and matched else None
    if choice.get("native_finish_reason") == COMPACTION:
        return {"stop_reason": COMPACTION, "stop_sequence": None, "stop_details": None}
    stop_reason = "stop_sequence" if sequence else STOP_REASONS.get(str(reason), "end_turn")
    details: Json | None = None
    if stop_reason == "refusal" and (explanation := choice.get("refusal") or _withheld(choice)):
        details = {"type": "refusal", "category": None, "explanation": explanation}
    return {"stop_reason": stop_reason, "stop_sequence": sequence, "stop_details": details}


def _withheld(choice: Json) -> str:
    """Return an explanation with the provider's own reason, such as Google's blockReason, "" without one."""
    reason = choice.get("native_finish_reason")
    return f"The provider withheld the response: {reason}." if isinstance(reason, str) and reason else ""


def render_usage(usage: Usage | None) -> Json:
    """Return usage in Anthropic's form: `input_tokens` excludes tokens read from or written to a cache."""
    counts = usage or {}
    details = counts.get("prompt_tokens_details") or {}
    prompt = counts.get("prompt_tokens") or 0
    cache_read, cache_write = details.get("cached_tokens") or 0, details.get("cache_write_tokens") or 0
    is_beside = cache_read + cache_write > prompt  # the provider leaves cached tokens out of the prompt
    rendered: Json = {
        "input_tokens": prompt if is_beside else prompt - cache_read - cache_write,
        "cache_creation_input_tokens": cache_write,
        "cache_read_input_tokens": cache_read,
        "output_tokens": counts.get("completion_tokens") or 0,
    }
    reasoning = (counts.get("completion_tokens_details") or {}).get("reasoning_tokens")
    return {**rendered, "output_tokens_details": {"thinking_tokens": reasoning}} if reasoning else rendered


def parse_tool_input(text: object) -> Json:
    """Return a tool call's arguments as an object, which this API requires.

    Arguments that are cut off are completed. Anything else that is no object becomes `{"arguments": text}`.
    """
    if (parsed := json_fields.parse_arguments(text)) is not None:
        return parsed
    try:
        first, _ = json.JSONDecoder().raw_decode(_close_json(str(text).strip()))
    except (ValueError, RecursionError):
        first = None
    return first if isinstance(first, dict) else {"arguments": text}


def _close_json(text: str) -> str:
    """Return JSON with its open strings, lists and objects closed."""
    closing: list[str] = []
    for part in TOKENS.findall(text):
        match part:
            case "{" | "[":
                closing.append("}" if part == "{" else "]")
            case "}" | "]" if closing:
                closing.pop()
            case _ if part.startswith('"') and not STRING.fullmatch(part):
                return text + '"' + "".join(reversed(closing))
    return text + "".join(reversed(closing))


def render_error(error: GatewayError) -> Json:
    """Return Anthropic's error body, with the fields of a provider's own error that its SDKs act on."""
    detail: Json = {"type": _error_type(error), "message": str(error)}
    if error.details is not None:
        detail["details"] = error.details
    if error.upstream_request_id is None:
        return {"type": "error", "error": detail}
    return {"type": "error", "error": detail, "request_id": error.upstream_request_id}


def error_status(error: GatewayError) -> int:
    """Return the HTTP status of an error: 429 for used-up credits, as Claude Code expects of a gateway."""
    return LimitExceeded.status if error.is_budget_used else error.status


def _error_type(error: GatewayError) -> str:
    if error.is_budget_used:
        return "billing_error"
    return ERROR_TYPES.get(error.status) or (ERROR_TYPES[400] if error.status < 500 else "api_error")


def render_stream_error(error: GatewayError) -> Event:
    return Event(dump(render_error(error)), "error")


def _render_blocks(message: Json) -> list[Json]:
    calls: list[Json] = message.get("tool_calls") or []
    reasoning, text = _render_reasoning(message), message.get("content")
    text = text if isinstance(text, str) else ""
    summary = message.get("compaction")
    blocks: list[Json] = [{"type": COMPACTION, "content": summary}] if summary else []
    for part in turn_parts(reasoning, len(text), len(calls)):
        match part.kind:
            case "reasoning":
                blocks.append(_without_place(reasoning[part.start]))
            case "text":
                blocks.append({"type": "text", "text": text[part.start : part.end]})
            case "call":
                blocks += _render_call(calls[part.start])
    if isinstance(refusal := message.get("refusal"), str) and refusal:
        blocks.append({"type": "text", "text": refusal})
    if state := message_state(message):
        blocks.append({"type": "redacted_thinking", "data": pack({"": state})})
    return blocks


def _without_place(block: Json) -> Json:
    return {name: value for name, value in block.items() if name not in PLACE}


def _render_call(call: Json) -> list[Json]:
    """Return the tool_use block, after a block with the opaque state of the call if it has any."""
    function = call.get("function") or call.get("custom") or {}
    tool_use = {
        "type": "tool_use",
        "id": call["id"],
        "name": function.get("name") or "",
        "input": parse_tool_input(function.get("arguments", function.get("input"))),
    }
    state = opaque_fields(call)
    if not state:
        return [tool_use]
    return [{"type": "redacted_thinking", "data": pack({call["id"]: state})}, tool_use]


def _render_reasoning(message: Json) -> list[Json]:
    """Return the reasoning as thinking blocks; one that Anthropic did not sign gets an empty packed state."""
    blocks = [block for block in message.get("thinking_blocks") or () if is_anthropic_block(block)]
    text = message.get("reasoning_content")
    if text and not any(block["type"] == "thinking" for block in blocks):
        blocks.insert(0, {"type": "thinking", "thinking": text})
    return [
        {**block, "signature": block.get("signature") or pack({})} if block["type"] == "thinking" else block
        for block in blocks
    ]
