"""The response object: https://platform.openai.com/docs/api-reference/responses/object.

Buffered responses and the events `response.created`, `response.completed` and others contain it. It repeats
fields of the request.
"""

from __future__ import annotations

from vaultcore.dialects import repair
from vaultcore.wire import FinishReason, Json, Usage

REQUEST_FIELDS: Json = {  # fields that a response repeats, with their defaults
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "service_tier": "auto",
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
INCOMPLETE_REASONS: dict[FinishReason, str] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
}


def response_id(completion_id: str) -> str:
    """Return the id of the response for a completion's id."""
    return repair.derive_id("resp_", completion_id)


def start_response(body: Json, *, completion_id: str, created: int, model: str) -> Json:
    """Return a response in progress without output. `created` is in seconds since 1970."""
    repeated = {
        name: default if body.get(name) is None else body[name] for name, default in REQUEST_FIELDS.items()
    }
    reasoning = body.get("reasoning") or {}
    text = body.get("text") or {}
    return {
        "id": response_id(completion_id),
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        "previous_response_id": None,
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "store": False,
        "text": {**text, "format": text.get("format") or {"type": "text"}},
        "usage": None,
        **repeated,
    }


def complete_response(
    response: Json, output: list[Json], reason: FinishReason | None, usage: Usage | None
) -> Json:
    """Return the response with its output, status and usage."""
    incomplete_reason = INCOMPLETE_REASONS.get(reason) if reason else None
    return {
        **response,
        "status": "incomplete" if incomplete_reason else "completed",
        "incomplete_details": {"reason": incomplete_reason} if incomplete_reason else None,
        "output": output,
        "usage": render_usage(usage) if usage else None,
    }


def render_usage(usage: Usage) -> Json:
    input_details = usage.get("prompt_tokens_details") or {}
    output_details = usage.get("completion_tokens_details") or {}
    prompt, completion = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
    return {
        "input_tokens": prompt,
        "input_tokens_details": {
            "cached_tokens": input_details.get("cached_tokens") or 0,
            "cache_write_tokens": input_details.get("cache_write_tokens") or 0,
        },
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": output_details.get("reasoning_tokens") or 0},
        "total_tokens": prompt + completion,
    }
