"""Responses without anything to repair take a short way through the parser, with the same result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vaultcore.catalog.schema import Model
from vaultcore.dialects import repair
from vaultcore.dialects.openai.response import parse_response
from vaultcore.usage.plausible import UsageBounds, is_sound, judge, repair_counts
from vaultcore.usage.request_estimate import RequestEstimate
from vaultcore.wire import Json, Usage

UNKNOWN = "x_unknown"  # a field that every step leaves alone, and that no short way accepts
COUNTS = st.one_of(st.sampled_from([0, 1, 2, 3, 5, 40, 10**15, -1, 1.5, True, "3", None]), st.integers(0, 9))
DETAILS = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(
            ["cached_tokens", "cache_creation_tokens", "reasoning_tokens", "audio_tokens", "images"]
        ),
        COUNTS,
        max_size=3,
    ),
)
USAGE = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": COUNTS,
        "completion_tokens": COUNTS,
        "total_tokens": COUNTS,
        "prompt_tokens_details": DETAILS,
        "completion_tokens_details": DETAILS,
        "cost": st.sampled_from([None, 0.1]),
    },
)
MESSAGES = st.fixed_dictionaries(
    {"content": st.sampled_from(["", "Hi", None, ["Hi"], 3])},
    optional={
        "role": st.sampled_from(["assistant", "model", None]),
        "refusal": st.sampled_from([None, "", "no", 0]),
        "annotations": st.sampled_from([None, [], "", [{"type": "url_citation"}]]),
    },
)
CHOICES = st.fixed_dictionaries(
    {"message": MESSAGES},
    optional={
        "index": st.sampled_from([0, 1, "0", None]),
        "finish_reason": st.sampled_from(["stop", "length", "STOP", "eos", "error", None, 3]),
        "logprobs": st.sampled_from([None, {}, {"content": []}, "x"]),
    },
)


@given(usage=USAGE)
def test_usage_is_repaired_the_same_either_way(usage: Json) -> None:
    """Counts that add up are what the repair of any other usage returns for them."""
    repaired = repair.repair_usage({**usage, UNKNOWN: 1})
    assert repaired is not None
    expected = without_unknown(repaired)
    assert repair.repair_usage(usage) == (expected if usage else None)


@given(choice=CHOICES)
def test_a_choice_is_parsed_the_same_either_way(choice: Json) -> None:
    """A choice with a text and nothing else is what the repair of any other choice returns for it."""
    longer = {**choice, UNKNOWN: 1}
    assert parsed(choice) == parsed(longer)


@given(usage=USAGE, window=st.sampled_from([3, 100]))
def test_sound_usage_is_possible_and_needs_no_repair(usage: Any, window: int) -> None:
    """Usage that is charged without a closer look would have passed it unchanged."""
    model, bounds = Model("m", context_window=window), UsageBounds(RequestEstimate(1, 1, 1), 1)
    if is_sound(usage, model):
        assert judge(usage, bounds, model) == "possible"
        counts, has_unusable_detail = repair_counts(usage)
        assert not has_unusable_detail
        assert known(counts) == known(usage)


def parsed(choice: Json) -> object:
    try:
        completion: Any = parse_response({"id": "c", "model": "m", "created": 1, "choices": [choice]})
    except Exception as error:  # noqa: BLE001 - the kind of error is compared
        return type(error), str(error)
    return [without_unknown(each) for each in completion["choices"]]


def without_unknown(record: Mapping[str, Any]) -> Json:
    """Return the record without the added field; also without it in counts that it quotes."""
    return {
        name: without_unknown(value) if name == "unusable" else value
        for name, value in record.items()
        if name != UNKNOWN
    }


def known(usage: Usage) -> Json:
    """Return the usage without details of None, which say nothing."""
    return {name: value for name, value in usage.items() if value is not None}
