"""Waits that providers name in the bodies of errors."""

from __future__ import annotations

from typing import Any

import pytest

from vaultcore.dialects.provider_error import error_detail
from vaultcore.dialects.wait_time import parse_wait

RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "45.837906927s"}
QUOTA = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "PerMinute"}]}
WAITS: list[tuple[Any, float | None]] = [
    ({"error": {"code": 429, "message": "quota", "details": [QUOTA, RETRY_INFO]}}, 45.837906927),
    ([{"error": {"code": 429, "details": [{"retryDelay": "0.5s"}]}}], 0.5),
    ({"error": {"message": "slow down", "retry_after": 7}}, 7),
    ({"message": "slow down", "retry_after_ms": 1_500}, 1.5),
    ({"error": {"message": "no", "metadata": {"headers": {"Retry-After": "12"}}}}, 12),
    ({"detail": {"retryAfter": "30s"}}, 30),
    ({"error": {"message": "Rate limit reached. Please try again in 1m30.5s. Visit"}}, 90.5),
    ({"error": {"message": "Please try again in 820ms."}}, 0.82),
    ({"error": {"message": "Please retry after 43 seconds."}}, 43),
    ({"message": "Too many requests, please wait 2 minutes"}, 120),
    ({"error": {"message": "the model is overloaded, try again later"}}, None),
    ({"error": {"message": "max 5 retries; retry with 3 messages"}}, None),
    ({"error": {"retry_after": -1}}, None),
    ({"error": {"retry_after": "soon"}}, None),
    ("try again in 5s", None),
    (None, None),
]


@pytest.mark.parametrize(("body", "seconds"), WAITS)
def test_e5_waits_are_found(body: Any, seconds: float | None) -> None:
    """The wait is found in RetryInfo, in a field and in the message, wherever the provider writes it."""
    assert parse_wait(body) == pytest.approx(seconds)


def test_e5_an_error_has_its_wait() -> None:
    """The parsed error carries the wait, beside message and code."""
    detail = error_detail(WAITS[0][0])

    assert (detail.message, detail.retry_after) == ("quota", pytest.approx(45.837906927))
