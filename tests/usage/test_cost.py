"""The cost of usage."""

from __future__ import annotations

import json
from datetime import datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.usage.priced_models import models, usages
from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import TOKENS, HourlyPrice, Model, Price, PriceTier, ServiceTier
from vaultcore.money import from_usd
from vaultcore.usage import cost as costs
from vaultcore.usage.cost import cost, cost_of_detail, price_at, price_detail
from vaultcore.wire import Usage

DOLLAR = 1_000_000_000
MODEL = Model(
    "m",
    price=Price(3 * DOLLAR, 15 * DOLLAR, cache_read=DOLLAR // 10, cache_write=4 * DOLLAR),
    tiers=(PriceTier(200_000, Price(6 * DOLLAR, 22 * DOLLAR)),),
)
CATALOG = load_builtin()


def used(prompt: int, completion: int, **details: int) -> Usage:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "prompt_tokens_details": details}


def test_tokens_times_price() -> None:
    """A thousand prompt and a hundred completion tokens at 3 and 15 dollars per million."""
    assert cost(used(1_000, 100), MODEL) == 3_000_000 + 1_500_000


def test_cached_and_written_tokens_have_their_own_prices() -> None:
    """Cached and cache-write tokens are part of the prompt and have their own prices."""
    assert (
        cost(used(1_000, 0, cached_tokens=600, cache_write_tokens=300), MODEL) == 300_000 + 60_000 + 1_200_000
    )
    assert cost(used(1_000, 0, cache_creation_tokens=300), MODEL) == 2_100_000 + 1_200_000


def test_without_a_cache_price_cached_tokens_are_input() -> None:
    """None means the input price, not free."""
    assert cost(used(1_000, 0, cached_tokens=1_000), Model("m", price=Price(DOLLAR, 0))) == 1_000_000


def test_u6_a_tier_prices_the_whole_prompt() -> None:
    """Above its bound, not at it, a size tier applies to every token of the prompt."""
    assert cost(used(200_000, 1_000), MODEL) == 200_000 * 3_000 + 1_000 * 15_000
    assert cost(used(200_001, 1_000), MODEL) == 200_001 * 6_000 + 1_000 * 22_000
    assert price_at(MODEL, 200_001) == MODEL.tiers[0].price


def test_an_unknown_price_is_no_price() -> None:
    """An unknown price gives None, not 0."""
    assert cost(used(1, 1), Model("m")) is None
    assert cost(used(1, 1), Model("m", price=Price(0, 0))) == 0


@pytest.mark.parametrize("price", [1, 999_999, 1_000_000, 1_000_001])
def test_u10_fractions_are_rounded_up_once(price: int) -> None:
    """The sum is rounded up, not its parts."""
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
    """For any reported usage the cost is a non-negative integer or None."""
    details = {"cached_tokens": cached, "cache_write_tokens": written}
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "prompt_tokens_details": details}

    charged = cost(usage, MODEL)  # type: ignore[arg-type] - the point of it

    assert charged is None or (isinstance(charged, int) and charged >= 0)


@pytest.mark.parametrize("details", [None, [], "x", 5, {"cached_tokens": None}, {"cached_tokens": 10**30}])
def test_details_of_any_shape_are_read(details: object) -> None:
    """No more tokens are cached than were sent."""
    usage = {"prompt_tokens": 10, "completion_tokens": 0, "prompt_tokens_details": details}

    assert cost(usage, MODEL) in {30_000, 1_000}  # type: ignore[arg-type]


def test_headline_prices_are_as_published() -> None:
    """A few prices by hand guard against unit errors."""
    assert CATALOG.model("openai", "gpt-4o").price == Price(
        from_usd("2.5"), from_usd(10), cache_read=from_usd("1.25")
    )
    assert cost(used(1_000_000, 1_000_000), CATALOG.model("openai", "gpt-4o-mini")) == from_usd("0.75")
    haiku = CATALOG.model("anthropic", "claude-haiku-5-5")
    assert cost(used(100_001, 0), haiku) == 100_001 * 500


def test_c9_billed_tokens_are_charged() -> None:
    """Billed tokens are charged if the provider reports them, whatever the model processed."""
    usage = used(500, 20)
    usage["billed"] = {"prompt_tokens": 8, "completion_tokens": 5}

    assert cost(usage, MODEL) == cost(used(8, 5), MODEL)


EVERYTHING = Price(
    1,
    2,
    cache_read=3,
    cache_write=5,
    cache_write_1h=7,
    reasoning=11,
    audio_input=13,
    audio_output=17,
    audio_cache_read=19,
    image_input=23,
    image_output=29,
    image_cache_read=31,
    video_input=37,
    video_output=41,
    request=43,
)


def units(usage: Usage, price: Price) -> dict[str, int]:
    detail = price_detail(usage, Model("m", price=price))
    assert detail is not None
    return {name: count for name, (count, _) in detail.items()}


def test_each_unit_is_counted_once_and_priced_by_itself() -> None:
    """Cached, cache-write, reasoning, audio and image tokens belong to one unit each; the rest is text."""
    usage: Usage = {
        "prompt_tokens": 1_000,
        "completion_tokens": 500,
        "prompt_tokens_details": {
            "cached_tokens": 300,
            "cache_write_tokens": 200,
            "cache_write_1h_tokens": 50,
            "audio_tokens": 100,
            "image_tokens": 80,
            "video_tokens": 20,
            "cached_tokens_details": {"audio_tokens": 60, "image_tokens": 30},
        },
        "completion_tokens_details": {
            "reasoning_tokens": 40,
            "audio_tokens": 30,
            "image_tokens": 20,
            "video_tokens": 10,
        },
    }

    detail = price_detail(usage, Model("m", price=EVERYTHING))

    assert detail == {
        "input": [390, 1],
        "cache_read": [210, 3],
        "cache_write": [150, 5],
        "cache_write_1h": [50, 7],
        "audio_input": [40, 13],
        "audio_cache_read": [60, 19],
        "image_input": [50, 23],
        "image_cache_read": [30, 31],
        "video_input": [20, 37],
        "output": [400, 2],
        "reasoning": [40, 11],
        "audio_output": [30, 17],
        "image_output": [20, 29],
        "video_output": [10, 41],
        "request": [1, 43],
    }


def test_a_unit_without_a_price_is_counted_as_its_next_of_kin() -> None:
    """A unit without a price has the price of its fallback."""
    details = {"cached_tokens": 10, "cache_write_tokens": 20, "cache_write_1h_tokens": 20, "audio_tokens": 70}
    usage = used(100, 9, **details)
    usage["completion_tokens_details"] = {"reasoning_tokens": 9, "audio_tokens": 4}

    assert units(usage, Price(1, 1)) == {"input": 100, "output": 9}
    assert units(usage, Price(1, 1, cache_write=1)) == {"input": 80, "cache_write": 20, "output": 9}
    assert units(usage, Price(1, 1, reasoning=1)) == {"input": 100, "output": 4, "reasoning": 5}
    heard = used(100, 0, cached_tokens=90, audio_tokens=70)
    assert units(heard, Price(1, 1, audio_input=2)) == {"input": 30, "audio_input": 70}
    assert units(heard, Price(1, 1, cache_read=2)) == {"input": 10, "cache_read": 90}
    assert units(heard, Price(1, 1, cache_read=2, audio_input=3)) == {"cache_read": 30, "audio_input": 70}


def test_cached_text_is_taken_before_cached_sound() -> None:
    """Unattributed cached tokens count as text before audio."""
    price = Price(10, 1, cache_read=1, audio_input=100, audio_cache_read=5)

    assert units(used(100, 0, cached_tokens=40, audio_tokens=50), price) == {
        "input": 10,
        "cache_read": 40,
        "audio_input": 50,
    }


def test_o15_the_service_tier_decides_the_price() -> None:
    """The response's service tier selects the price; a tier without a price has the usual one."""
    flex = ServiceTier(
        "flex", Price(DOLLAR, 5 * DOLLAR), (PriceTier(200_000, Price(2 * DOLLAR, 7 * DOLLAR)),)
    )
    model = Model("m", price=MODEL.price, tiers=MODEL.tiers, services=(flex,))

    def charged(prompt: int, tier: str) -> int | None:
        return cost({**used(prompt, 0), "service_tier": tier}, model)

    assert charged(1_000, "flex") == 1_000_000
    assert charged(200_001, "flex") == 200_001 * 2_000
    assert charged(1_000, "default") == charged(1_000, "turbo") == cost(used(1_000, 0), model) == 3_000_000


@pytest.mark.parametrize(
    ("clock", "cents"),
    [("00:59", 66), ("01:00", 132), ("03:59", 132), ("04:00", 66), ("09:59", 132), ("10:00", 66), (None, 66)],
)
def test_u6_the_hour_decides_where_prices_depend_on_it(clock: str | None, cents: int) -> None:
    """DeepSeek's peak hours cost twice as much; without a time the usual price applies."""
    at = None
    if clock is not None:
        at = datetime.fromisoformat(f"2026-11-22T{clock}:30+00:00").timestamp()

    charged = cost(used(1_000_000, 0), CATALOG.model("deepseek", "deepseek-v4-pro"), at)

    assert charged == cents * DOLLAR // 100


@pytest.mark.parametrize(
    ("minute", "applies"), [(1_400, True), (0, True), (29, True), (30, False), (1_399, False)]
)
def test_hours_may_hold_midnight(minute: int, applies: bool) -> None:
    """A price period may span midnight."""
    hours = HourlyPrice(1_400, 30, Price(0, 0))

    assert hours.applies(86_400 * 20_000 + minute * 60 + 59.9) is applies


def test_the_service_tier_of_an_answer_is_found_beside_its_usage() -> None:
    """`usage_of` adds the service tier, and returns None without usage."""
    assert costs.usage_of({"service_tier": "flex", "usage": used(1, 1)}) == {
        **used(1, 1),
        "service_tier": "flex",
    }
    assert costs.usage_of({"usage": used(1, 1)}) == used(1, 1)
    assert costs.usage_of({"service_tier": "flex"}) is None
    assert costs.usage_of({"service_tier": None, "usage": None}) is None  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("size", "quality", "cents"),
    [
        ("1024x1024", "standard", 4),
        ("1024x1024", "hd", 8),
        ("1792x1024", "hd", 12),
        ("1024x1792", "high", 12),
        ("1792x1024", "standard", 8),
        ("auto", None, 4),
        (None, "hd", 8),
        (None, None, 4),
    ],
)
def test_pictures_are_priced_one_by_one(size: str | None, quality: str | None, cents: int) -> None:
    """Images are priced by size and quality, with the provider's defaults."""
    usage: Usage = {"pictures": {"count": 3, "size": size, "quality": quality}}

    assert cost(usage, CATALOG.model("openai", "dall-e-3")) == 3 * cents * DOLLAR // 100


def test_a_picture_of_an_unknown_kind_costs_as_much_as_the_dearest() -> None:
    """An image of an unknown kind has the highest price."""
    model = Model("m", price=Price(0, 0, pictures={"512x512": 5 * 10**6, "1024x1024": 9 * 10**6}))

    assert cost({"pictures": {"count": 2, "size": "4096x4096", "quality": None}}, model) == 18
    assert cost({"pictures": {"count": 2}}, model) == 18
    assert cost({"pictures": {"count": 2, "size": "512x512", "quality": "hd"}}, model) == 10


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": None}, {"pictures": {"count": 2}}, {"pictures": 3}])
def test_missing_counts_have_no_cost(usage: Any) -> None:
    """Without a count the cost is None; a reported 0 costs nothing."""
    assert cost(usage, MODEL) is None
    assert cost({"prompt_tokens": 0, "completion_tokens": 0}, MODEL) == 0


def test_fractions_of_a_token_are_whole_ones() -> None:
    """A count of 0.2 is one token."""
    assert cost({"prompt_tokens": 0.2, "completion_tokens": 2.0}, MODEL) == 3_000 + 30_000  # type: ignore[typeddict-item]


@settings(deadline=None)
@given(usages(tools=9), models())
def test_the_price_detail_gives_the_same_cost(usage: Any, model: Model) -> None:
    """The price detail has each token and each use of a priced tool once, and gives the same cost later."""
    detail = price_detail(usage, model)
    stored = json.loads(json.dumps(detail))

    assert detail is not None
    assert cost_of_detail(stored) == cost(usage, model)
    counts = usage.get("billed") or usage
    tokens = sum(count for name, (count, _) in detail.items() if name in TOKENS)
    assert tokens == counts["prompt_tokens"] + counts["completion_tokens"]
    uses = {unit: count for unit, (count, _) in detail.items() if unit in model.tool_prices}
    general = {
        unit: unit if unit in model.tool_prices else unit.partition(":")[0] for unit in usage["tool_uses"]
    }
    priced = [count for unit, count in usage["tool_uses"].items() if general[unit] in model.tool_prices]
    assert sum(uses.values()) == sum(priced)


def test_ar7_an_hours_write_has_its_own_price() -> None:
    """Anthropic's one-hour cache writes cost twice the input price, the usual ones a quarter more than it."""
    model = CATALOG.model("anthropic", "claude-opus-5-5")
    hour = used(1_000_000, 0, cache_write_tokens=1_000_000, cache_write_1h_tokens=1_000_000)

    assert cost(hour, model) == from_usd(8)
    assert cost(used(1_000_000, 0, cache_write_tokens=1_000_000), model) == from_usd(5)
