from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultcore.routing.quota import Allowance, Quota, moment, quota

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
        Quota(Allowance(499, 500, NOW + 0.12), Allowance(15_000, 30_000, NOW + 62)),
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
        Quota(Allowance(0, 50, NOW + 30), Allowance(1_000, 1_000, NOW)),
    ),
    "without a kind": (
        {"x-ratelimit-limit": "20", "x-ratelimit-remaining": "5", "x-ratelimit-reset": "1800000060000"},
        Quota(Allowance(5, 20, NOW + 60)),
    ),
    "tokens alone": ({"x-ratelimit-remaining-tokens": "7"}, Quota(tokens=Allowance(7))),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_q37_every_family_of_headers(name: str) -> None:
    """What is left is read from each family of headers that providers use."""
    headers, expected = FAMILIES[name]

    assert quota(headers, NOW) == expected


@pytest.mark.parametrize("headers", [{}, {"x-ratelimit-remaining-requests": "many"}, {"date": "now"}])
def test_silence(headers: dict[str, str]) -> None:
    """Headers that say nothing of a quota give none."""
    assert quota(headers, NOW) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("1s", 1), ("120ms", 0.12), ("1m2s", 62), ("6m0.5s", 360.5), ("1h2m3s", 3_723), ("1d", 86_400)),
        *(("30", 30), ("0", 0), ("0.5", 0.5), ("1800000010", 10), ("1800000010000", 10)),
        *(("2027-01-15T08:00:10Z", 10), ("2027-01-15T09:00:10+01:00", 10), ("2027-01-15T08:00:10", 10)),
    ],
)
def test_every_way_to_write_a_reset(text: str, seconds: float) -> None:
    """Spans, seconds and milliseconds since 1970, and ISO times are all understood."""
    found = moment(text, NOW)

    assert found is not None
    assert found - NOW == pytest.approx(seconds, abs=1e-3)


@given(st.text(max_size=80) | st.from_regex(r"\A[\d.smhd]{0,70}\Z"))
def test_any_text_is_a_time_or_none(text: str) -> None:
    """Whatever a provider writes, reading it raises nothing."""
    found = moment(text, NOW)

    assert found is None or found >= 0


@pytest.mark.parametrize(
    ("allowance", "left"),
    [
        (Allowance(5, 20), 0.25),
        (Allowance(0, 20, NOW + 1), 0.0),
        (Allowance(0, 20, NOW - 1), 1.0),  # the reset has passed
        (Allowance(30, 20), 1.0),
        (Allowance(3), 1.0),  # of what, nobody said
        (Allowance(0, None), 0.0),
    ],
)
def test_the_share_left(allowance: Allowance, left: float) -> None:
    """The share is what remains of the limit, and all of it once the reset has passed."""
    assert allowance.left(NOW) == left


def test_the_scarcest_counts() -> None:
    """A key has as much left as the scarcer of requests and tokens."""
    found = Quota(Allowance(5, 10, NOW + 9), Allowance(0, 100, NOW + 3))

    assert found.left(NOW) == 0.0
    assert found.left(NOW + 3) == 0.5
    assert found.left(NOW + 9) == 1.0
    assert Quota().left(NOW) == 1.0
