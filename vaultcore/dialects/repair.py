"""What providers that speak chat completions get wrong, put right: pure functions over parts of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2s
from typing import cast

from vaultcore.dialects import ErrorDetail, StreamFault
from vaultcore.dialects.json_fields import dump
from vaultcore.dialects.provider_error import detail, status
from vaultcore.wire import FinishReason, Json, Usage

FINISH: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "model_length": "length",
    "max_tokens": "length",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "safety": "content_filter",
    "sensitive": "content_filter",
}
FAILED = {"error", "network_error"}  # finish reasons that are none
TIERS = {"auto", "default", "flex", "scale", "priority", "fast"}
REASONING = ("reasoning_content", "reasoning")


def finish_reason(reason: object, *, called: bool, said: bool) -> FinishReason:
    """The reason in OpenAI's words. An unknown one passes for `stop` only where something was said."""
    if isinstance(reason, str) and reason in FAILED:
        raise StreamFault(ErrorDetail(f"the answer ended with {reason}"))
    known = FINISH.get(reason.lower()) if isinstance(reason, str) else None
    if known is None and not (called or said):
        raise ValueError("an answer that says nothing and gives no known reason")
    if known is None or known == "stop":
        return "tool_calls" if called else "stop"
    return known


def fault(told: object) -> StreamFault:
    """An error object found where an answer should be."""
    return StreamFault(detail(told), status(told))


def failed(told: Json) -> bool:
    """Whether what should be an answer, or a piece of one, tells of a failure instead."""
    if told.get("error"):
        return True
    match told.get("base_resp"):
        case {"status_code": int(code)}:
            return code != 0
        case _:
            return False


def usage(told: object) -> Usage | None:
    """Usage whose total is the sum of its parts, and whose completion holds the reasoning.

    An empty one tells nothing: it is not one of zeros.
    """
    if not isinstance(told, dict) or not told:
        return None
    prompt = count(told, "prompt_tokens", "input_tokens")
    completion = count(told, "completion_tokens", "output_tokens")
    total = count(told, "total_tokens")
    inside = told.get("completion_tokens_details")
    reasoning = count(inside, "reasoning_tokens") if isinstance(inside, dict) else 0
    if reasoning and total == prompt + completion + reasoning:
        completion += reasoning  # counted beside the answer rather than in it
    mended: Json = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if cached := count(told, "prompt_cache_hit_tokens"):
        details = told.get("prompt_tokens_details")
        mended["prompt_tokens_details"] = {"cached_tokens": cached, **(details or {})}
    return cast(Usage, told if mended.items() <= told.items() else {**told, **mended})


def text_and_reasoning(content: object) -> tuple[str | None, str]:
    """Content that some give as a list of parts, thinking among them."""
    if not isinstance(content, list):
        return (content if isinstance(content, str) else None), ""
    said, thought = [], []
    for part in content:
        match part:
            case str():
                said.append(part)
            case {"type": "thinking" | "reasoning", **rest}:
                inner = next((rest[key] for key in ("thinking", "text", "summary") if key in rest), None)
                thought.append(text_and_reasoning(inner)[0] or "")
            case {"text": str(text)}:
                said.append(text)
    return "".join(said), "".join(thought)


def settle_text(holder: Json) -> None:
    """Make `content` a string and name reasoning `reasoning_content`, in a message or delta of our own."""
    thought = ""
    if isinstance(holder.get("content"), list):
        holder["content"], thought = text_and_reasoning(holder["content"])
    for key in REASONING:
        match holder.pop(key, None):
            case str(text) | {"content": str(text)} if text:
                thought = thought or text
    if thought:
        holder["reasoning_content"] = thought


def settle_tier(answer: Json) -> None:
    """Leave out a service tier OpenAI has no word for, from an answer of our own: typed clients refuse it."""
    tier = answer.get("service_tier")
    if not isinstance(tier, str) or tier not in TIERS:
        answer.pop("service_tier", None)


def arguments_text(told: object) -> str:
    """Arguments as the JSON text they should have come as."""
    match told:
        case str():
            return told
        case None:
            return ""
        case _:
            return dump(told)


def identity(prefix: str, *parts: object) -> str:
    """An id for what came without: the same for the same place in the same answer."""
    told = ":".join(str(part) for part in parts)
    return prefix + blake2s(told.encode(errors="replace"), digest_size=12).hexdigest()


def created(told: object) -> int:
    """Seconds since 1970, whether they came as such, as a float or as milliseconds; 0 where unknown."""
    if not isinstance(told, int | float) or isinstance(told, bool) or not 0 <= told < 1e15:
        return 0
    return int(told / 1_000 if told > 1e11 else told)


def count(told: Json, *keys: str) -> int:
    """How many: the first of the keys that holds a number which can be that, else none."""
    for key in keys:
        value = told.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15:
            return int(value)
    return 0
