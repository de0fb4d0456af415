"""What one request adds to the metrics, by the names that dashboards and alarms know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vaultcore.call import Call
from vaultcore.errors import AttemptsExhausted
from vaultcore.money import PER_DOLLAR
from vaultcore.tracing.http_request import HttpRequest

GONE = 499  # the client went away, which is no failure of ours
BROKEN = "stream_broken"  # after an answer had begun
CLASSES: Mapping[int, str] = {
    400: "invalid_request",
    401: "unauthorized",
    402: "credits",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media",
    429: "throttled",
    500: "internal",
    502: "upstream",
    503: "unavailable",
    504: "deadline",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """`error` is the class of a failure, one of a few; `elsewhere` counts attempts at other providers."""

    values: Mapping[str, float]
    provider: str | None
    error: str | None
    elsewhere: Mapping[str, int]


def figures(visit: HttpRequest) -> Figures:
    """The figures of a request that is over."""
    call = visit.call
    status = call.status if call is not None and call.status else visit.status
    values: dict[str, float] = {"Requests": 1}
    if (error := failure(status, call)) is not None:
        values["Errors"] = 1
    if status == 429 and (call is None or not call.attempts):
        values["Throttles"] = 1
    if call is None:
        return Figures(values, None, error, {})
    asked = [attempt.candidate.target for attempt in call.attempts]
    elsewhere: dict[str, int] = {}
    for target in asked:
        elsewhere[target.provider.name] = elsewhere.get(target.provider.name, 0) + 1
    if asked:
        values["Attempts"] = elsewhere.pop(asked[-1].provider.name)
        if asked[0].name != asked[-1].name:
            values["Fallbacks"] = 1
    if isinstance(call.error, AttemptsExhausted):
        values["AllProvidersFailed"] = 1
    values |= _used(call) if status < 400 or status == GONE else {}
    values |= _times(visit, call)
    return Figures(values, asked[-1].provider.name if asked else None, error, elsewhere)


def failure(status: int, call: Call | None) -> str | None:
    """The class of a failure; None where there is none, and where the client did not stay to see."""
    if call is not None and call.error is not None and status < 400:
        return BROKEN
    if status < 400 or status == GONE:
        return None
    return CLASSES.get(status, "internal" if status >= 500 else "invalid_request")


def _used(call: Call) -> dict[str, float]:
    usage = call.usage or {}
    tokens = (usage.get("prompt_tokens") or 0) + (usage.get("completion_tokens") or 0)
    told: dict[str, float] = {"Tokens": tokens} if tokens else {}
    return {**told, "CostUsd": call.cost / PER_DOLLAR} if call.cost else told


def _times(visit: HttpRequest, call: Call) -> dict[str, float]:
    """Milliseconds. Of our own time are the pauses between attempts too."""
    if not call.attempts:
        return {}
    upstream = sum(attempt.seconds for attempt in call.attempts)
    ours = (call.ended or visit.ended) - call.started - upstream
    told = {"Overhead": round(max(ours, 0.0) * 1_000, 3)}
    if call.first is not None:
        told["TimeToFirstToken"] = round((call.first - call.started) * 1_000, 1)
    return told
