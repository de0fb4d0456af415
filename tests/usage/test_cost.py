"""What usage costs."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultcore.catalog.load import builtin
from vaultcore.catalog.schema import Model, Price, Tier
from vaultcore.money import from_usd
from vaultcore.usage.cost import cost, price_at
from vaultcore.wire import Usage

DOLLAR = 1_000_000_000
MODEL = Model(
    "m",
    price=Price(3 * DOLLAR, 15 * DOLLAR, cache_read=DOLLAR // 10, cache_write=4 * DOLLAR),
    tiers=(Tier(200_000, Price(6 * DOLLAR, 22 * DOLLAR)),),
)
CATALOG = builtin()
SAME_NAMES = {  # ours: theirs
    "openai": "openai",
    "anthropic": "anthropic",
    "gemini": "google",
    "groq": "groq",
    "mistral": "mistral",
    "deepseek": "deepseek",
    "xai": "x-ai",
    "openrouter": "openrouter",
    "together": "together",
}


def used(prompt: int, completion: int, **details: int) -> Usage:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "prompt_tokens_details": details}


def test_tokens_times_price() -> None:
    """A thousand tokens in and a hundred out at 3 and 15 dollars per million."""
    assert cost(used(1_000, 100), MODEL) == 3_000_000 + 1_500_000


def test_cached_and_written_tokens_have_their_own_prices() -> None:
    """They are part of the prompt, and priced apart from the rest of it."""
    assert (
        cost(used(1_000, 0, cached_tokens=600, cache_write_tokens=300), MODEL) == 300_000 + 60_000 + 1_200_000
    )
    assert cost(used(1_000, 0, cache_creation_tokens=300), MODEL) == 2_100_000 + 1_200_000


def test_without_a_cache_price_cached_tokens_are_input() -> None:
    """None means the input price, not free."""
    assert cost(used(1_000, 0, cached_tokens=1_000), Model("m", price=Price(DOLLAR, 0))) == 1_000_000


def test_u6_a_tier_prices_the_whole_prompt() -> None:
    """Beyond the threshold, not at it, and then every token of it."""
    assert cost(used(200_000, 1_000), MODEL) == 200_000 * 3_000 + 1_000 * 15_000
    assert cost(used(200_001, 1_000), MODEL) == 200_001 * 6_000 + 1_000 * 22_000
    assert price_at(MODEL, 200_001) == MODEL.tiers[0].price


def test_an_unknown_price_is_no_price() -> None:
    """None is told apart from free."""
    assert cost(used(1, 1), Model("m")) is None
    assert cost(used(1, 1), Model("m", price=Price(0, 0))) == 0


@pytest.mark.parametrize("price", [1, 999_999, 1_000_000, 1_000_001])
def test_u10_fractions_are_rounded_up_once(price: int) -> None:
    """The sum is rounded, not its parts: never below the price, never a whole nano-dollar above it."""
    model = Model("m", price=Price(price, price))
    exact = Fraction(3 * price + 4 * price, 1_000_000)

    charged = cost(used(3, 4), model)

    assert charged is not None
    assert 0 <= charged - exact < 1


NUMBERS = st.one_of(st.integers(), st.none(), st.floats(), st.text(max_size=3), st.booleans())


@given(prompt=NUMBERS, completion=NUMBERS, cached=NUMBERS, written=NUMBERS)
def test_nonsense_costs_nothing_and_breaks_nothing(
    prompt: object, completion: object, cached: object, written: object
) -> None:
    """Whatever a provider reports, the cost is a whole number from zero up."""
    details = {"cached_tokens": cached, "cache_write_tokens": written}
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "prompt_tokens_details": details}

    charged = cost(usage, MODEL)  # type: ignore[arg-type] - the point of it

    assert isinstance(charged, int)
    assert charged >= 0


@pytest.mark.parametrize("details", [None, [], "x", 5, {"cached_tokens": None}, {"cached_tokens": 10**30}])
def test_details_of_any_shape_are_read(details: object) -> None:
    """No more is cached than was sent."""
    usage = {"prompt_tokens": 10, "completion_tokens": 0, "prompt_tokens_details": details}

    assert cost(usage, MODEL) in {30_000, 1_000}  # type: ignore[arg-type]


@pytest.mark.parametrize("provider", SAME_NAMES)
def test_costs_agree_with_their_source(provider: str) -> None:
    """For models of every kind and usages at random, to the nano-dollar of genai-prices' own calculator."""
    prices = pytest.importorskip("genai_prices")
    chance = random.Random(provider)
    ids = [name for name in CATALOG.models.ids(provider) if CATALOG.model(provider, name).price]
    known_as = {name: other for other, name in CATALOG.models.names.get(provider, {}).items()}
    for name in chance.sample(ids, min(len(ids), 60)):
        prompt, completion = int(10 ** chance.uniform(0, 6)), int(10 ** chance.uniform(0, 5))
        read, written = chance.randint(0, prompt // 2), chance.randint(0, prompt // 2)
        theirs = prices.calc_price(
            prices.Usage(
                input_tokens=prompt,
                output_tokens=completion,
                cache_read_tokens=read,
                cache_write_tokens=written,
            ),
            model_ref=known_as.get(name, name),
            provider_id=SAME_NAMES[provider],
            genai_request_timestamp=datetime(2026, 11, 21, 12, tzinfo=UTC),
        )

        ours = cost(
            used(prompt, completion, cached_tokens=read, cache_write_tokens=written),
            CATALOG.model(provider, name),
        )

        assert ours is not None
        # A tenth of a nano-dollar for the few prices written with seventeen decimals.
        assert Decimal("-0.1") <= ours - priced_in_tokens(theirs) < Decimal("1.1"), name


def priced_in_tokens(calculation: object) -> Decimal:
    """Nano-dollars without what genai-prices adds for the request as such."""
    total: Decimal = calculation.total_price  # type: ignore[attr-defined]
    per_request = getattr(calculation.model_price, "requests_kcount", None) or Decimal(0)  # type: ignore[attr-defined]
    return (total - per_request / 1_000) * DOLLAR


def test_headline_prices_are_as_published() -> None:
    """A few prices by hand, so that a slip in a unit cannot pass."""
    assert CATALOG.model("openai", "gpt-4o").price == Price(
        from_usd("2.5"), from_usd(10), cache_read=from_usd("1.25")
    )
    assert cost(used(1_000_000, 1_000_000), CATALOG.model("openai", "gpt-4o-mini")) == from_usd("0.75")
    haiku = CATALOG.model("anthropic", "claude-haiku-5-5")
    assert cost(used(100_001, 0), haiku) == 100_001 * 500


def test_c9_what_is_billed_is_what_counts() -> None:
    """Where a provider says how much it charges for, that is charged, whatever went through the model."""
    told = used(500, 20)
    told["billed"] = {"prompt_tokens": 8, "completion_tokens": 5}

    assert cost(told, MODEL) == cost(used(8, 5), MODEL)
