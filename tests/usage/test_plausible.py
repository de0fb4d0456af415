"""Implausible counts are clamped and reported."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.usage.priced_models import models
from vaultcore.catalog.schema import Model
from vaultcore.usage.cost import cost
from vaultcore.usage.max_cost import max_cost
from vaultcore.usage.plausible import MAX_FACTOR, clamp_usage

ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=2), st.just([]))
DETAILS = st.one_of(
    ANYTHING,
    st.dictionaries(
        st.sampled_from(["cached_tokens", "cache_write_tokens", "audio_tokens", "reasoning_tokens"]), ANYTHING
    ),
)
COUNTS = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": ANYTHING,
        "completion_tokens": ANYTHING,
        "total_tokens": ANYTHING,
        "prompt_tokens_details": DETAILS,
        "completion_tokens_details": DETAILS,
        "billed": DETAILS,
    },
)


@pytest.mark.parametrize(
    ("counts", "clamped", "flagged"),
    [
        ((0, 0), (0, 0), False),
        ((100, 50), (100, 50), False),
        ((400, 200), (400, 200), False),
        ((401, 200), (400, 200), True),
        ((-5, 1), (0, 1), True),
        ((10**12, 1), (400, 1), True),
        ((12.0, 1), (12, 1), False),
        ((12.5, 1), (13, 1), True),
        ((float("inf"), float("-inf")), (400, 0), True),
        ((float("nan"), 1), (None, 1), True),
        (("7", True), (None, None), True),
        ((None, 1), (None, 1), False),
    ],
)
def test_counts_are_kept_within_four_times_their_bound(
    counts: tuple[Any, Any], clamped: tuple[Any, Any], flagged: bool
) -> None:
    """No negative, absurd or malformed count remains; 0 stays 0, and None is dropped."""
    usage, flag = clamp_usage({"prompt_tokens": counts[0], "completion_tokens": counts[1]}, 100, 50)

    assert (usage.get("prompt_tokens"), usage.get("completion_tokens")) == clamped
    assert flag is flagged
    assert usage.get("total_tokens") == (None if None in clamped else sum(clamped))


def test_details_are_parts_of_their_whole() -> None:
    """Details do not exceed their whole; other fields stay."""
    details = {"cached_tokens": 90, "x": "y", "cached_tokens_details": {"audio_tokens": -1}}

    usage, flag = clamp_usage({"prompt_tokens": 50, "prompt_tokens_details": details}, 100, 100)

    assert usage["prompt_tokens_details"] == {
        "cached_tokens": 50,
        "x": "y",
        "cached_tokens_details": {"audio_tokens": 0},
    }
    assert flag
    assert details["cached_tokens"] == 90


def test_what_is_billed_is_bounded_too() -> None:
    """Billed tokens are clamped too."""
    usage, flag = clamp_usage(
        {"prompt_tokens": 5, "billed": {"prompt_tokens": 10**9, "completion_tokens": 3}}, 100, 9
    )

    assert usage["billed"] == {"prompt_tokens": 400, "completion_tokens": 3}
    assert flag


@settings(deadline=None)
@given(COUNTS, st.integers(-1, 1_000), st.integers(-1, 1_000), models())
def test_what_is_left_costs_no_more_than_four_times_the_bound(
    usage: Any, prompt: int, completion: int, model: Model
) -> None:
    """The charge is bounded by the reservation; clamping twice equals clamping once."""
    usage, _ = clamp_usage(usage, prompt, completion)
    charged = cost(usage, model)

    bound = max_cost(MAX_FACTOR * prompt, MAX_FACTOR * completion, model)
    assert bound is not None
    assert charged is None or 0 <= charged <= bound
    assert clamp_usage(usage, prompt, completion) == (usage, False)


@given(st.integers(0, 400), st.integers(0, 200), st.integers(0, 400))
def test_a_usage_that_can_be_is_left_alone(prompt: int, completion: int, cached: int) -> None:
    """A plausible usage is returned unchanged and not flagged."""
    usage: Any = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": min(cached, prompt)},
    }

    assert clamp_usage(usage, 100, 50) == (usage, False)
