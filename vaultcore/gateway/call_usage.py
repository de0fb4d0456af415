"""What a call's response used and cost: as the provider reported it, else estimated."""

from __future__ import annotations

from typing import cast

from vaultcore.call import Call
from vaultcore.catalog.schema import Model
from vaultcore.routing.stream_joiner import StreamJoiner, delta_texts
from vaultcore.usage.cost import cost, price_detail
from vaultcore.usage.plausible import clamp_usage
from vaultcore.usage.token_estimate import estimate_request, estimate_tokens
from vaultcore.wire import ChatCompletion, Delta, Usage


def record_usage(call: Call, model: Model, usage: Usage | None) -> None:
    """Write usage and cost into the outcome. Counts above the call's bounds are clamped and flagged."""
    outcome = call.outcome
    if usage is not None and call.bounds is not None:
        usage, was_implausible = clamp_usage(usage, *call.bounds)
        outcome.flags += ["clamped"] if was_implausible else []
    outcome.usage = usage
    outcome.cost = cost(usage, model, call.started) if usage else None
    outcome.price = (price_detail(usage, model, call.started) if usage else None) or {}


def estimate_completion(call: Call, completion: ChatCompletion) -> Usage:
    """Estimate the usage of a response whose provider reported none."""
    texts = [text for choice in completion["choices"] for text in delta_texts(cast(Delta, choice["message"]))]
    return _estimate(call, {}, "".join(texts))


def stream_usage(call: Call, joiner: StreamJoiner) -> Usage:
    """Return a stream's reported usage. If the stream ended early, count at least the text that arrived."""
    if joiner.is_finished and joiner.usage is not None:
        return joiner.usage
    return _estimate(call, joiner.usage or {}, joiner.text)


def _estimate(call: Call, reported: Usage, text: str) -> Usage:
    call.outcome.flags.append("estimated")
    prompt = reported.get("prompt_tokens") or estimate_request(call.request)
    completion = max(reported.get("completion_tokens") or 0, estimate_tokens(text))
    return {
        **reported,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
