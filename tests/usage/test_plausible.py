"""Usage is charged if the call can have had it; otherwise the reservation or an estimate is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.usage.priced_models import models, usages
from vaultcore.call import Call
from vaultcore.catalog.schema import Model, Price
from vaultcore.gateway.call_usage import record_usage
from vaultcore.routing.attempts import RetryPolicy
from vaultcore.telemetry import Log
from vaultcore.usage.cost import cost, cost_of_detail
from vaultcore.usage.max_cost import max_cost
from vaultcore.usage.plausible import UsageBounds, judge, repair_counts, reported_counts
from vaultcore.usage.request_estimate import (
    UNKNOWN_WINDOW,
    RequestEstimate,
    estimate_chat,
    estimate_embeddings,
)

MODEL = Model("m", context_window=100_000, max_output_tokens=8_000)
TURN = 108_000  # tokens that MODEL can use in one turn
PRICE = Price(2_000_000, 10_000_000)
HI: Any = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}
SEARCH: Any = {**HI, "tools": [{"type": "web_search_20250305", "name": "web_search"}]}
LONG: Any = {**HI, "messages": [{"role": "user", "content": "x" * 5_000_000}], "max_tokens": 10**9}
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
        "pictures": st.one_of(ANYTHING, st.fixed_dictionaries({"count": ANYTHING})),
    },
)


def bounds_of(request: Any, completion: int = 20) -> UsageBounds:
    return UsageBounds(estimate_chat(request), completion)


def charged_call(usage: Any, bounds: UsageBounds, model: Model) -> Call:
    """Return a call whose usage was recorded."""
    call = Call("c", HI, 1e9, RetryPolicy(), bounds=bounds)
    record_usage(call, model, usage, lambda: "four words of text", Log())
    return call


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ((0, 0), "possible"),
        ((TURN, 0), "possible"),
        ((100_000, 8_000), "possible"),
        ((TURN, 1), "impossible"),
        ((10**15 - 1, 0), "impossible"),
        ((10**15, 0), "unusable"),
        ((-1, 5), "unusable"),
        ((5, -1), "unusable"),
        ((12.5, 1), "possible"),
        ((float("inf"), 1), "unusable"),
        ((float("nan"), 1), "unusable"),
        (("7", 1), "unusable"),
        ((True, 1), "unusable"),
        ((None, 1), "possible"),
    ],
)
def test_possible_usage(counts: tuple[Any, Any], verdict: str) -> None:
    """A turn uses at most the context window and the longest output; counts of the charge are checked too."""
    plain: Any = {"prompt_tokens": counts[0], "completion_tokens": counts[1]}
    billed: Any = {"prompt_tokens": 1, "completion_tokens": 1, "billed": plain}

    assert judge(plain, bounds_of(HI), MODEL) == verdict
    assert judge(billed, bounds_of(HI), MODEL) == verdict


@pytest.mark.parametrize(
    ("estimate", "model", "most"),
    [
        (estimate_chat(HI), MODEL, TURN),
        (estimate_chat({**HI, "n": 3}), MODEL, 100_000 + 3 * 8_000),
        (estimate_chat(SEARCH), MODEL, 51 * TURN),
        (estimate_chat({**HI, "tools": [{"type": "mcp", "server_url": "https://x"}]}), MODEL, 51 * TURN),
        (estimate_embeddings({"input": ["a", "b", "c"]}), MODEL, 3 * TURN),
        (estimate_chat(HI), Model("m"), 2 * UNKNOWN_WINDOW),
        (estimate_chat(HI), Model("m", max_output_tokens=9), UNKNOWN_WINDOW + 9),
        (estimate_chat(HI), Model("m", own_tools=("web_search",), context_window=9), 51 * 18),
    ],
)
def test_physical_limit(estimate: RequestEstimate, model: Model, most: int) -> None:
    """The limit counts choices, model turns after the provider's tools, and the inputs of embeddings."""
    assert UsageBounds(estimate, 0).max_tokens(model) == most


def test_usage_that_a_dialect_could_not_read_is_unusable() -> None:
    """A dialect that found a negative count in the provider's format says so; the record has its counts."""
    usage: Any = {
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "unusable": {"input_tokens": -5, "more": {"big": 1e300, "name": "secret text"}, "x": True},
    }

    assert judge(usage, bounds_of(HI), MODEL) == "unusable"
    assert reported_counts(usage) == {"input_tokens": "-5", "more.big": "1e+300"}


@pytest.mark.parametrize(
    ("extra", "verdict"),
    [
        ({"pictures": {"count": 10}}, "possible"),
        ({"pictures": {"count": 11}}, "impossible"),
        ({"tool_uses": {"web_search": 51 * 50}}, "possible"),
        ({"tool_uses": {"web_search": 51 * 50 + 1}}, "impossible"),
        ({"tool_uses": {"image_tool_output": 51 * TURN}}, "possible"),
        ({"tool_uses": {"image_tool_output": 51 * TURN + 1}}, "impossible"),
    ],
)
def test_possible_units(extra: dict[str, Any], verdict: str) -> None:
    """Images and uses of tools are bounded too."""
    usage: Any = {"prompt_tokens": 1, "completion_tokens": 1, **extra}

    assert judge(usage, bounds_of(SEARCH), MODEL) == verdict


@settings(deadline=None)
@given(COUNTS, models(), st.sampled_from([bounds_of(each, 10**9) for each in (HI, SEARCH, LONG)]))
def test_no_charge_exceeds_the_physical_limit(usage: Any, model: Model, bounds: UsageBounds) -> None:
    """For any reported usage, the charge is not negative and at most what the call can use.

    The parts of the price that the record stores give the charge.
    """
    most = bounds.max_tokens(model)

    outcome = charged_call(usage, bounds, model).outcome

    bound = max_cost(most, most, model, images=10, tools=bounds.estimate.body)
    assert bound is not None
    assert 0 <= (outcome.cost or 0) <= bound
    assert cost_of_detail(outcome.price) == (outcome.cost or 0)
    tokens = [(outcome.usage or {}).get(name) or 0 for name in ("prompt_tokens", "completion_tokens")]
    assert min(tokens) >= 0
    assert sum(tokens) <= most


@settings(deadline=None)
@given(usages(100_000, 8_000), models())
def test_possible_usage_is_charged_in_full(usage: Any, model: Model) -> None:
    """Usage within the limit costs what the provider reports, however small the request was."""
    outcome = charged_call(usage, bounds_of(HI), model).outcome

    expected = cost(repair_counts(usage)[0], model, 1e9)
    assert outcome.cost == expected
    assert (outcome.usage or {}).get("prompt_tokens") == usage["prompt_tokens"]


def test_impossible_usage_costs_the_reservation() -> None:
    """The charge is what was reserved: tokens and money, and with a file by id the whole context window."""
    model = Model("m", context_window=9_000, max_output_tokens=100, price=PRICE)
    part = {"type": "file", "file": {"file_id": "file-1"}}
    request: Any = {**HI, "messages": [{"role": "user", "content": [part]}]}

    outcome = charged_call(
        {"prompt_tokens": 10**9, "completion_tokens": 1}, bounds_of(request), model
    ).outcome

    assert outcome.usage == {"prompt_tokens": 9_000, "completion_tokens": 20, "total_tokens": 9_020}
    assert outcome.cost == 9_000 * 2 + 20 * 10
    assert outcome.flags == ["implausible"]
    assert outcome.reported_usage == {"prompt_tokens": 10**9, "completion_tokens": 1}


def test_unusable_usage_costs_an_estimate() -> None:
    """A negative count does not make the response free."""
    model = Model("m", price=PRICE)

    outcome = charged_call({"prompt_tokens": -1, "completion_tokens": 5}, bounds_of(HI), model).outcome

    assert outcome.usage == {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9}
    assert outcome.cost == 5 * 2 + 4 * 10
    assert outcome.flags == ["implausible", "estimated"]


def test_images_and_tools_are_charged_beside_an_estimate() -> None:
    """An unusable token count leaves images and searches charged; without a text the reservation counts."""
    model = Model("m", price=Price(1, 1_000_000, pictures={"": 5}), tool_prices={"web_search": 7})
    usage: Any = {"prompt_tokens": -1, "pictures": {"count": 2}, "tool_uses": {"web_search": 3}}
    call = Call("c", HI, 1e9, RetryPolicy(), bounds=bounds_of(SEARCH))

    record_usage(call, model, usage, None, Log())

    price = call.outcome.price
    assert (price["picture"], price["web_search"], price["output"]) == ([2, 5], [3, 7], [20, 1_000_000])


def test_an_unusable_detail_is_dropped() -> None:
    """A detail that is no count is dropped and reported; the count that it is part of is charged."""
    details = {
        "cached_tokens": -1,
        "audio_tokens": 3,
        "x": "y",
        "cached_tokens_details": {"text_tokens": 1e18},
    }

    usage, is_changed = repair_counts({"prompt_tokens": 50, "prompt_tokens_details": details})

    assert usage["prompt_tokens_details"] == {"audio_tokens": 3, "x": "y", "cached_tokens_details": {}}
    assert is_changed
    assert details["cached_tokens"] == -1
