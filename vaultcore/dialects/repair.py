"""Corrects chat-completion responses of providers that deviate from OpenAI's API.

The functions work on parts of a response; the target format is
https://platform.openai.com/docs/api-reference/chat.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2s

from vaultcore.casts import cast
from vaultcore.dialects import ErrorDetail, StreamFault, usage_counts
from vaultcore.dialects.json_fields import dump
from vaultcore.dialects.provider_error import error_detail, error_status
from vaultcore.dialects.response_shape import usable_details
from vaultcore.wire import INTERNAL_USAGE, MAX_COUNT, FinishReason, Json, Usage, are_counts, is_count

FINISH_REASONS: Mapping[str, FinishReason] = {  # a provider's reason, lower case -> OpenAI's
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
FAILURES = {"error", "network_error"}  # finish reasons that mean a failed response
TIERS = {"auto", "default", "flex", "scale", "priority", "fast"}
COUNTS = ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens")  # of usage
RUN_FIELDS = ("service_tier", "inference_geo")  # of usage
DETAILS = ("prompt_tokens_details", "completion_tokens_details")  # of usage
SOUND_USAGE = frozenset({"prompt_tokens", "completion_tokens", "total_tokens", *DETAILS})
REASONING = ("reasoning_content", "reasoning")
MILLISECONDS = 1e11  # a timestamp above this is in milliseconds; in seconds it would be the year 5138


def map_finish_reason(reason: object, *, has_calls: bool, has_output: bool) -> FinishReason:
    """Return OpenAI's finish reason. An unknown reason counts as `stop` if the response has any output.

    Raise StreamFault for a reason that means a failure, ValueError for an unknown reason without output.
    """
    if isinstance(reason, str) and reason in FAILURES:
        raise StreamFault(ErrorDetail(f"the response ended with {reason}"))
    mapped = FINISH_REASONS.get(reason.lower()) if isinstance(reason, str) else None
    if mapped is None and not (has_calls or has_output):
        raise ValueError("a response without output has an unknown finish reason")
    if mapped is None or mapped == "stop":
        return "tool_calls" if has_calls else "stop"
    return mapped


def stream_fault(error: object) -> StreamFault:
    """Return the fault that an error object in a response with status 200 describes."""
    return StreamFault(error_detail(error), error_status(error))


def is_error(response: Mapping[str, object]) -> bool:
    """Return True if a response or chunk reports an error instead of content."""
    if response.get("error"):
        return True
    match response.get("base_resp"):
        case {"status_code": int(code)}:
            return code != 0
        case _:
            return False


def repair_usage(usage: object) -> Usage | None:
    """Return usage whose prompt includes cached tokens and whose completion includes the reasoning.

    The total is their sum. Return None for missing or empty usage: it does not mean zero tokens. Unusable
    details are removed.
    """
    if not isinstance(usage, dict) or not usage:
        return None
    if _is_sound(usage):
        return cast(Usage, usage)
    usable = _without_unusable_details(usage)
    details = usable.get(DETAILS[0]) or usage.get("input_tokens_details")
    cache = usage_counts.cache_details(usage, details)
    prompt = usage_counts.read_count(usage, "prompt_tokens", "input_tokens")
    completion = usage_counts.read_count(usage, "completion_tokens", "output_tokens")
    counts = usage_counts.whole_counts(
        (prompt, completion, usage_counts.read_count(usage, "total_tokens")),
        cache,
        usage_counts.read_count(usable.get(DETAILS[1]), "reasoning_tokens"),
        is_beside="prompt_tokens" not in usage and "cache_read_input_tokens" in usage,  # Anthropic's names
    )
    repaired: Json = {**counts}
    if cache and not cache.items() <= (usable.get(DETAILS[0]) or {}).items():
        repaired[DETAILS[0]] = {**(usable.get(DETAILS[0]) or {}), **cache}
    repaired = usable if repaired.items() <= usable.items() else {**usable, **repaired}
    counted = usage_counts.with_tool_uses(cast(Usage, repaired), usage_counts.read_tool_uses(usage))
    return usage_counts.mark_unusable(counted, usage, COUNTS)


def _is_sound(usage: Json) -> bool:
    """Return True for OpenAI's fields with integers that add up, as in most responses: nothing to repair."""
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not (type(prompt) is int and type(completion) is int and usage.keys() <= SOUND_USAGE):
        return False
    total, inputs, outputs = prompt + completion, usage.get(DETAILS[0]), usage.get(DETAILS[1])
    return (
        0 <= prompt <= total < MAX_COUNT
        and type(usage.get("total_tokens")) is int
        and usage["total_tokens"] == total
        and (inputs is None or (are_counts(inputs, prompt) and "cache_creation_tokens" not in inputs))
        and (outputs is None or are_counts(outputs, completion))
    )


def _without_unusable_details(usage: Json) -> Json:
    """Return usage without details that are no objects, and without counts in them that are no numbers.

    Fields of this gateway are removed too, except those that say how the request was run.
    """
    usable = {name: value for name, value in usage.items() if name not in INTERNAL_USAGE}
    usable |= {name: usage[name] for name in RUN_FIELDS if isinstance(usage.get(name), str)}
    for name in DETAILS:
        match usage.get(name):
            case None:
                pass
            case dict(details):
                usable[name] = usable_details(details)
            case _:
                del usable[name]
    return usable


def split_reasoning(content: object) -> tuple[str | None, str]:
    """Return the text and the reasoning of a content, which some providers send as a list of parts."""
    if not isinstance(content, list):
        return (content if isinstance(content, str) else None), ""
    texts, reasoning = [], []
    for part in content:
        match part:
            case str():
                texts.append(part)
            case {"type": "thinking" | "reasoning", **rest}:
                inner = next((rest[key] for key in ("thinking", "text", "summary") if key in rest), None)
                reasoning.append(split_reasoning(inner)[0] or "")
            case {"text": str(text)}:
                texts.append(text)
    return "".join(texts), "".join(reasoning)


def repair_text(holder: Json) -> None:
    """Turn `content` into a string and rename reasoning to `reasoning_content`, in place.

    `holder` is a message or delta that the caller parsed and owns.
    """
    reasoning = ""
    if isinstance(holder.get("content"), list):
        holder["content"], reasoning = split_reasoning(holder["content"])
    for key in REASONING:
        match holder.pop(key, None):
            case str(text) | {"content": str(text)} if text:
                reasoning = reasoning or text
    if reasoning:
        holder["reasoning_content"] = reasoning


def repair_service_tier(response: Json) -> None:
    """Remove, in place, a service tier that OpenAI does not define: typed clients reject it."""
    tier = response.get("service_tier")
    if not isinstance(tier, str) or tier not in TIERS:
        response.pop("service_tier", None)


def arguments_text(arguments: object) -> str:
    """Return the arguments of a call as JSON text; some providers send them as an object."""
    match arguments:
        case str():
            return arguments
        case None:
            return ""
        case _:
            return dump(arguments)


def derive_id(prefix: str, *parts: object) -> str:
    """Return an id for an object that came without one; equal parts give equal ids."""
    text = ":".join(str(part) for part in parts)
    return prefix + blake2s(text.encode(errors="replace"), digest_size=12).hexdigest()


def parse_timestamp(value: object) -> int:
    """Return whole seconds since the epoch from seconds, float seconds or milliseconds; 0 if unknown."""
    if type(value) is int and 0 <= value <= MILLISECONDS:
        return value
    if not is_count(value):
        return 0
    return int(value / 1_000 if value > MILLISECONDS else value)


def read_count(record: Mapping[str, object], *keys: str) -> int:
    """Return the first value under `keys` that is a possible count, rounded down, otherwise 0."""
    for key in keys:
        value = record.get(key)
        if is_count(value):
            return int(value)
    return 0
