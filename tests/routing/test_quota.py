"""Quotas from rate-limit headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultcore.routing.quota import Quota, RemainingQuota, parse_quota, parse_reset

NOW = 1_800_000_000.0
FAMILIES = {
    "openai": (
        {
            "x-ratelimit-limit-requests": "500",
            "x-ratelimit-remaining-requests": "499",
            "x-ratelimit-reset-requests": "120ms",
            "x-ratelimit-limit-tokens": "30000",
            "x-ratelimit-remaining-tokens": "15000",
            "x-ratelimit-reset-tokens": "1m2s",
        },
        Quota(RemainingQuota(499, 500, NOW + 0.12), RemainingQuota(15_000, 30_000, NOW + 62)),
    ),
    "anthropic": (
        {
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "0",
            "anthropic-ratelimit-requests-reset": "2027-01-15T08:00:30Z",
            "anthropic-ratelimit-tokens-limit": "1000",
            "anthropic-ratelimit-tokens-remaining": "1000",
            "anthropic-ratelimit-tokens-reset": "2027-01-15T08:00:00Z",
        },
        Quota(RemainingQuota(0, 50, NOW + 30), RemainingQuota(1_000, 1_000, NOW)),
    ),
    "one quota without a kind": (
        {"x-ratelimit-limit": "20", "x-ratelimit-remaining": "5", "x-ratelimit-reset": "1800000060000"},
        Quota(RemainingQuota(5, 20, NOW + 60)),
    ),
    "tokens alone": ({"x-ratelimit-remaining-tokens": "7"}, Quota(tokens=RemainingQuota(7))),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_q37_each_family_of_headers_is_parsed(name: str) -> None:
    """The remaining quota is parsed from each family of rate-limit headers."""
    headers, expected = FAMILIES[name]

    assert parse_quota(headers, NOW) == expected


@pytest.mark.parametrize("headers", [{}, {"x-ratelimit-remaining-requests": "many"}, {"date": "now"}])
def test_headers_without_a_quota_give_none(headers: dict[str, str]) -> None:
    """Headers without a valid quota give None."""
    assert parse_quota(headers, NOW) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("1s", 1), ("120ms", 0.12), ("1m2s", 62), ("6m0.5s", 360.5), ("1h2m3s", 3_723), ("1d", 86_400)),
        *(("30", 30), ("0", 0), ("0.5", 0.5), ("1800000010", 10), ("1800000010000", 10)),
        *(("2027-01-15T08:00:10Z", 10), ("2027-01-15T09:00:10+01:00", 10), ("2027-01-15T08:00:10", 10)),
    ],
)
def test_each_notation_of_a_reset_is_parsed(text: str, seconds: float) -> None:
    """Durations, seconds, milliseconds since the epoch and ISO 8601 times are parsed."""
    reset = parse_reset(text, NOW)

    assert reset is not None
    assert reset - NOW == pytest.approx(seconds, abs=1e-3)


@given(st.text(max_size=80) | st.from_regex(r"\A[\d.smhd]{0,70}\Z"))
def test_any_text_is_a_time_or_none(text: str) -> None:
    """No text makes the parser raise."""
    reset = parse_reset(text, NOW)

    assert reset is None or reset >= 0


@pytest.mark.parametrize(
    ("quota", "share"),
    [
        (RemainingQuota(5, 20), 0.25),
        (RemainingQuota(0, 20, NOW + 1), 0.0),
        (RemainingQuota(0, 20, NOW - 1), 1.0),  # the reset has passed
        (RemainingQuota(30, 20), 1.0),
        (RemainingQuota(3), 1.0),  # of an unknown limit
        (RemainingQuota(0, None), 0.0),
    ],
)
def test_the_remaining_share(quota: RemainingQuota, share: float) -> None:
    """The share is the remaining amount of the limit, and 1 after the reset."""
    assert quota.share(NOW) == share


def test_the_smaller_share_counts() -> None:
    """A key's share is the smaller one of requests and tokens."""
    quota = Quota(RemainingQuota(5, 10, NOW + 9), RemainingQuota(0, 100, NOW + 3))

    assert quota.share(NOW) == 0.0
    assert quota.share(NOW + 3) == 0.5
    assert quota.share(NOW + 9) == 1.0
    assert Quota().share(NOW) == 1.0
