"""The response object: what every event of a lifecycle and every whole answer repeats of the request."""

from __future__ import annotations

from vaultcore.dialects import repair
from vaultcore.wire import FinishReason, Json, Usage

REPEATED: Json = {  # what a response says that its request may be silent about
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
UNFINISHED: dict[FinishReason, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}


def identity(answer: str) -> str:
    """A response's id, from that of the completion it is."""
    return repair.identity("resp_", answer)


def frame(body: Json, *, answer: str, created: int, model: str) -> Json:
    """A response that has begun, without anything in it."""
    told = {name: usual if body.get(name) is None else body[name] for name, usual in REPEATED.items()}
    reasoning = body.get("reasoning") or {}
    text = body.get("text") or {}
    return {
        "id": identity(answer),
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
        **told,
    }


def finished(begun: Json, output: list[Json], reason: FinishReason | None, usage: Usage | None) -> Json:
    """The same response at its end, and why it ended."""
    why = UNFINISHED.get(reason) if reason else None
    return {
        **begun,
        "status": "incomplete" if why else "completed",
        "incomplete_details": {"reason": why} if why else None,
        "output": output,
        "usage": counted(usage) if usage else None,
    }


def counted(usage: Usage) -> Json:
    went_in, came_out = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    prompt, completion = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
    return {
        "input_tokens": prompt,
        "input_tokens_details": {
            "cached_tokens": went_in.get("cached_tokens") or 0,
            "cache_write_tokens": went_in.get("cache_write_tokens") or 0,
        },
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": came_out.get("reasoning_tokens") or 0},
        "total_tokens": prompt + completion,
    }
