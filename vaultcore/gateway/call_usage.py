"""Records usage and cost of a response: as the provider reported it, else estimated."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from vaultcore.call import Call
from vaultcore.casts import cast
from vaultcore.catalog.schema import Model
from vaultcore.money import MILLION
from vaultcore.routing.stream_joiner import StreamJoiner, delta_texts
from vaultcore.telemetry import Log
from vaultcore.usage import plausible
from vaultcore.usage.cost import cost_of_detail, price_detail, usage_of
from vaultcore.usage.reported_cost import with_charged_reasoning
from vaultcore.usage.token_estimate import estimate_request, estimate_tokens
from vaultcore.wire import INTERNAL_USAGE, ChatCompletion, Delta, Usage

INTERNAL_NAMES = frozenset(INTERNAL_USAGE)
Text = Callable[[], str]  # returns all text of a response, which only an estimate needs
PRICE_FIELDS = ("tool_uses", "pictures", "service_tier", "inference_geo")


def record_completion(call: Call, model: Model, completion: ChatCompletion, log: Log) -> None:
    """Write usage and cost of a whole response into the outcome."""
    usage, text = usage_of(completion), partial(completion_text, completion)
    counted = usage if _has_counts(usage) else _estimate(call, usage or {}, text())
    record_usage(call, model, counted, text, log)


def record_stream(call: Call, model: Model, joiner: StreamJoiner, log: Log) -> None:
    """Write usage and cost of a stream into the outcome."""
    record_usage(call, model, stream_usage(call, joiner), lambda: joiner.text, log)


def record_usage(call: Call, model: Model, usage: Usage | None, text: Text | None, log: Log) -> None:
    """Write usage and cost into the outcome. Impossible usage is logged, not charged.

    An estimate from `text`, that of the response, replaces counts that are negative or no numbers; without a
    text, the reserved completion tokens do.
    """
    outcome, bounds = call.outcome, call.bounds
    outcome.usage, outcome.cost, outcome.price = usage, None, {}
    if usage is None:
        return
    if plausible.is_sound(usage, model):
        outcome.usage = _charged_usage(call, model, usage)
    else:
        verdict = "possible" if bounds is None else plausible.judge(usage, bounds, model)
        repaired, has_unusable_detail = plausible.repair_counts(usage)
        if verdict != "possible" or has_unusable_detail:
            _report(call, model, usage, log)
        if verdict == "impossible" and bounds is not None:
            outcome.usage, outcome.cost = bounds.reserved_usage(model), bounds.reserved_cost(model)
            outcome.price = {} if outcome.cost is None else {"reservation": [1, outcome.cost * MILLION]}
            return
        if verdict == "unusable":
            outcome.usage = _replace_counts(call, model, usage, text)
        else:
            outcome.usage = _charged_usage(call, model, repaired)
    detail = price_detail(outcome.usage, model, call.started)
    outcome.price, outcome.cost = detail or {}, None if detail is None else cost_of_detail(detail)


def stream_usage(call: Call, joiner: StreamJoiner) -> Usage:
    """Return a stream's reported usage. If the stream ended early, count at least the text that arrived.

    Some providers count while they stream. If a client leaves between the finish reason and the last count,
    the count so far is too small.
    """
    is_final = joiner.has_final_usage or (joiner.is_finished and joiner.is_complete)
    if is_final and joiner.usage is not None and _has_counts(joiner.usage):
        return joiner.usage
    return _estimate(call, joiner.usage or {}, joiner.text)


def _has_counts(usage: Usage | None) -> bool:
    """Return True if the provider has counted tokens, not only uses of its tools."""
    return usage is not None and not usage.keys() <= INTERNAL_NAMES


def _charged_usage(call: Call, model: Model, usage: Usage) -> Usage:
    """Return the usage with reasoning that the provider's cost shows, if that is possible."""
    if not usage.get("cost"):
        return usage
    charged = with_charged_reasoning(usage, model, call.started)
    bounds = call.bounds
    return charged if bounds is None or plausible.judge(charged, bounds, model) == "possible" else usage


def _replace_counts(call: Call, model: Model, usage: Usage, text: Text | None) -> Usage:
    """Return usage with estimated tokens. Fields that its price depends on beside them stay, if possible."""
    bounds = call.bounds
    others = cast(Usage, {name: value for name, value in usage.items() if name in PRICE_FIELDS})
    if bounds is None or plausible.judge(others, bounds, model) != "possible":
        others = {}
    estimate = _estimate(call, others, text() if text else "")
    if text is None and bounds is not None:
        estimate["completion_tokens"] = bounds.completion
    return estimate


def completion_text(completion: ChatCompletion) -> str:
    """Return all text of a response: reasoning and tool-call arguments too."""
    choices = completion["choices"]
    return "".join(text for choice in choices for text in delta_texts(cast(Delta, choice["message"])))


def _expected_prompt(call: Call) -> int:
    """Return the estimated prompt tokens of the call, or of the request after a summary."""
    if call.outcome.expected_prompt is not None:
        return call.outcome.expected_prompt
    return call.bounds.estimate.expected if call.bounds else estimate_request(call.request)


def _report(call: Call, model: Model, usage: Usage, log: Log) -> None:
    """Flag usage that is not charged, keep its counts for the record, and log it."""
    outcome, candidate = call.outcome, call.outcome.candidate
    outcome.flags.append("implausible")
    outcome.reported_usage = plausible.reported_counts(usage)
    log.error(
        "implausible usage",
        request_id=call.id,
        provider=candidate.target.provider.name if candidate else None,
        model=model.name,
        reported=json.dumps(outcome.reported_usage),
    )


def _estimate(call: Call, reported: Usage, text: str) -> Usage:
    if "estimated" not in call.outcome.flags:
        call.outcome.flags.append("estimated")
    prompt = reported.get("prompt_tokens") or _expected_prompt(call)
    completion = max(reported.get("completion_tokens") or 0, estimate_tokens(text))
    others = {name: value for name, value in reported.items() if name != "reported"}
    counts: Usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    return cast(Usage, {**others, **counts})
