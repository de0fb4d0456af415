"""The maximum cost of a request."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.usage.priced_models import WHEN, models, usages
from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import Model, Price, PriceTier, ServiceTier
from vaultcore.usage.cost import cost
from vaultcore.usage.max_cost import max_cost

CATALOG = load_builtin()
PRICED = [
    CATALOG.model(provider, name)
    for provider in CATALOG.providers
    for name in CATALOG.models.ids(provider)
    if CATALOG.model(provider, name).price
]
SIZE = st.integers(0, 3_000)


@settings(max_examples=150, deadline=None)
@given(st.data(), SIZE, SIZE, st.integers(0, 5), models(), WHEN)
def test_the_maximum_cost_is_a_bound(
    data: st.DataObject, prompt: int, completion: int, pictures: int, model: Model, at: float | None
) -> None:
    """No usage of these sizes costs more, with any details, tier and hour."""
    usage: Any = data.draw(usages(prompt, completion, pictures))

    charged, bound = cost(usage, model, at), max_cost(prompt, completion, model, images=pictures)

    assert charged is not None
    assert bound is not None
    assert charged <= bound


@settings(deadline=None)
@given(usages(400_000, 100_000), st.sampled_from(PRICED))
def test_the_catalogs_models_keep_to_it(usage: Any, model: Model) -> None:
    """The bound holds for the catalog's models."""
    charged, bound = cost(usage, model), max_cost(400_000, 100_000, model)

    assert charged is not None
    assert bound is not None
    assert charged <= bound


@pytest.mark.parametrize(
    ("prompt", "completion", "nanos"), [(10, 0, 30), (11, 0, 77), (0, 10, 60), (11, 10, 77 + 90), (0, 0, 0)]
)
def test_the_bound_is_reached(prompt: int, completion: int, nanos: int) -> None:
    """The bound is the highest unit price of the highest tier that the prompt reaches."""
    million = 1_000_000
    usual, long = Price(million, 2 * million, cache_write=3 * million), Price(7 * million, 9 * million)
    spoken = ServiceTier("priority", Price(0, 0, audio_output=6 * million))
    model = Model("m", price=usual, tiers=(PriceTier(10, long),), services=(spoken,))

    assert max_cost(prompt, completion, model) == nanos


def test_without_a_number_of_pictures_as_many_as_one_request_may_ask_for() -> None:
    """Without a number of images the bound covers the maximum per request."""
    dalle = CATALOG.model("openai", "dall-e-3")

    assert max_cost(100, 0, dalle) == 10 * 120_000_000
    assert max_cost(100, 0, dalle, images=2) == 2 * 120_000_000


def test_no_price_is_no_bound() -> None:
    """Without a price the bound is None, not 0."""
    assert max_cost(1, 1, Model("m")) is None


def test_a_request_as_such_is_in_the_bound() -> None:
    """A price per request is part of the bound, also without tokens."""
    model = Model("m", price=Price(0, 0, request=5_000_000))

    assert max_cost(0, 0, model) == cost({"prompt_tokens": 0, "completion_tokens": 0}, model) == 5
