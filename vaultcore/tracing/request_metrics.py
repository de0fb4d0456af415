"""The metrics of one request. docs and the CloudWatch alarms use their names."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.call import Call
from vaultcore.errors import CLIENT_DISCONNECTED, AttemptsExhausted
from vaultcore.lazy_dataclass import dataclass
from vaultcore.money import PER_DOLLAR
from vaultcore.tracing.http_request import HttpRequest

BROKEN = "stream_broken"  # a response broke off after its first byte
ERROR_CLASSES: Mapping[int, str] = {
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
class RequestMetrics:
    """The metrics of one request, and their dimensions."""

    values: Mapping[str, float]  # by metric name, in the units of telemetry/emf.py
    provider: str | None  # of the last attempt
    error: str | None  # one of ERROR_CLASSES or BROKEN; None: no error
    other_attempts: Mapping[str, int]  # attempts at other providers, by provider


def compute_metrics(request: HttpRequest) -> RequestMetrics:
    """Return the metrics of a request that has ended."""
    call = request.call
    status = call.outcome.status if call is not None and call.outcome.status else request.status
    values: dict[str, float] = {"Requests": 1}
    if (error := classify_error(status, call)) is not None:
        values["Errors"] = 1
    if status == 429 and (call is None or not call.outcome.attempts):
        values["Throttles"] = 1
    if call is None:
        return RequestMetrics(values, None, error, {})
    targets = [attempt.candidate.target for attempt in call.outcome.attempts]
    attempts: dict[str, int] = {}
    for target in targets:
        attempts[target.provider.name] = attempts.get(target.provider.name, 0) + 1
    if targets:
        values["Attempts"] = attempts.pop(targets[-1].provider.name)
        if targets[0].name != targets[-1].name:
            values["Fallbacks"] = 1
    if isinstance(call.outcome.error, AttemptsExhausted):
        values["AllProvidersFailed"] = 1
    if "implausible" in call.outcome.flags:
        values["ImplausibleUsage"] = 1
    values |= _usage_and_cost(call) if status < 400 or status == CLIENT_DISCONNECTED else {}
    values |= _durations(request, call)
    return RequestMetrics(values, targets[-1].provider.name if targets else None, error, attempts)


def classify_error(status: int, call: Call | None) -> str | None:
    """Return the error class of a request, or None if it succeeded or the client disconnected."""
    if call is not None and call.outcome.error is not None and status < 400:
        return BROKEN
    if status < 400 or status == CLIENT_DISCONNECTED:
        return None
    return ERROR_CLASSES.get(status, "internal" if status >= 500 else "invalid_request")


def _usage_and_cost(call: Call) -> dict[str, float]:
    usage, cost = call.outcome.total_usage, call.outcome.charge
    tokens = (usage.get("prompt_tokens") or 0) + (usage.get("completion_tokens") or 0)
    values: dict[str, float] = {"Tokens": tokens} if tokens else {}
    return {**values, "CostUsd": cost / PER_DOLLAR} if cost else values


def _durations(request: HttpRequest, call: Call) -> dict[str, float]:
    """Return times in milliseconds. Overhead includes the back-off between attempts."""
    if not call.outcome.attempts:
        return {}
    upstream = sum(attempt.seconds for attempt in call.outcome.attempts)
    overhead = (call.outcome.ended or request.ended) - call.started - upstream
    values = {"Overhead": round(max(overhead, 0.0) * 1_000, 3)}
    if call.outcome.first_token_at is not None:
        values["TimeToFirstToken"] = round((call.outcome.first_token_at - call.started) * 1_000, 1)
    return values
