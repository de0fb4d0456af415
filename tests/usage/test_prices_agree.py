"""Costs agree with the calculator of genai-prices, from which the prices come."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from vaultcore.catalog.load import load_builtin
from vaultcore.usage.cost import cost
from vaultcore.wire import Usage

theirs = pytest.importorskip("genai_prices")
build = pytest.importorskip("tools.build_models")
prices = pytest.importorskip("tools.model_prices")

CATALOG = load_builtin()
USAGES = 10  # at random of each model, beside those around its tiers
MILLION = 1_000_000
PARTS: Mapping[str, tuple[str, ...]] = {  # of a usage, disjoint: theirs that count it beside the whole
    "plain": (),
    "read": ("cache_read_tokens",),
    "written": ("cache_write_tokens",),
    "hour": ("cache_write_tokens", "cache_write_1h_tokens"),
    "audio": ("input_audio_tokens",),
    "audio_read": ("input_audio_tokens", "cache_read_tokens", "cache_audio_read_tokens"),
    "image": ("input_image_tokens",),
    "image_read": ("input_image_tokens", "cache_read_tokens", "cache_image_read_tokens"),
    "video": ("input_video_tokens",),
}
COMPLETION_PARTS: Mapping[str, tuple[str, ...]] = {
    "said": (),
    "thought": ("output_reasoning_tokens",),
    "spoken": ("output_audio_tokens",),
    "drawn": ("output_image_tokens",),
    "filmed": ("output_video_tokens",),
}
NOT_REPORTED = {  # contexts of genai-prices that no answer here tells: the usual price stands
    ("route", "mistral/eu"): "which of its hosts OpenRouter has asked is not in usage",
    ("service_tier", "default"): "is the usual price",
}


@cache
def models_by_provider() -> dict[str, list[tuple[str, Any, Any]]]:
    """Return each provider's models whose prices are compiled."""
    models: dict[str, list[tuple[str, Any, Any]]] = {}
    for provider, name, given, model in build.priced_models():
        models.setdefault(provider, []).append((name, given, model))
    return models


def split(chance: random.Random, total: int, names: Mapping[str, object]) -> dict[str, int]:
    """Split a number of tokens into parts, most of them of one or two kinds."""
    kinds = chance.sample(list(names), chance.randint(1, min(4, len(names))))
    cuts = sorted(chance.randint(0, total) for _ in kinds[1:])
    sizes = [end - begin for begin, end in zip([0, *cuts], [*cuts, total], strict=True)]
    return dict.fromkeys(names, 0) | dict(zip(kinds, sizes, strict=True))


def searches_of(chance: random.Random, known: Any, model: Any) -> tuple[dict[str, int], dict[str, int]]:
    """Draw uses of the provider's tools that genai-prices has a price for: ours and theirs."""
    listed = prices.standard_price(known)
    counts = {unit: chance.randint(0, 9) for unit, field in prices.TOOLS.items() if getattr(listed, field)}
    theirs_counts = {prices.TOOLS[unit].removesuffix("_kcount"): count for unit, count in counts.items()}
    if "grounded_prompt" in model.tool_prices:  # charged once per prompt, however often it has searched
        counts["grounded_prompt"], counts["web_search"] = counts.get("web_search", 0), 7
    return counts, theirs_counts


def ours_of(sent: dict[str, int], came: dict[str, int], service: str | None) -> Usage:
    usage: Usage = {
        "prompt_tokens": sum(sent.values()),
        "completion_tokens": sum(came.values()),
        "prompt_tokens_details": {
            "cached_tokens": sent["read"] + sent["audio_read"] + sent["image_read"],
            "cache_write_tokens": sent["written"] + sent["hour"],
            "cache_write_1h_tokens": sent["hour"],
            "audio_tokens": sent["audio"] + sent["audio_read"],
            "image_tokens": sent["image"] + sent["image_read"],
            "video_tokens": sent["video"],
            "cached_tokens_details": {
                "audio_tokens": sent["audio_read"],
                "image_tokens": sent["image_read"],
            },
        },
        "completion_tokens_details": {
            "reasoning_tokens": came["thought"],
            "audio_tokens": came["spoken"],
            "image_tokens": came["drawn"],
            "video_tokens": came["filmed"],
        },
    }
    return {**usage, "service_tier": service} if service else usage


def theirs_of(sent: dict[str, int], came: dict[str, int], searches: dict[str, int]) -> Any:
    counts = {"input_tokens": sum(sent.values()), "output_tokens": sum(came.values()), **searches}
    for table, parts in ((PARTS, sent), (COMPLETION_PARTS, came)):
        for part, names in table.items():
            for name in names:
                counts[name] = counts.get(name, 0) + parts[part]
    return theirs.Usage(**counts)


def sizes(chance: random.Random, model: Any) -> Iterator[int]:
    """Return prompt sizes: random ones, and those at and above the bounds of tiers."""
    for tier in model.tiers:
        yield from (tier.above, tier.above + 1)
    yield from (int(10 ** chance.uniform(0, 6)) for _ in range(USAGES))


def is_rounded(model: Any) -> bool:
    """Return True if a price has fractions of a nano-dollar per million, which are rounded."""
    listed_prices = [variant.prices for variant in model.price_variants or ()] + [
        prices.standard_price(model)
    ]
    amounts: list[Any] = [
        amount for each in listed_prices for amount in vars(each).values() if amount is not None
    ]
    exact = [
        [each.base, *(tier.price for tier in each.tiers)] if hasattr(each, "base") else [each]
        for each in amounts
    ]
    return any(amount * MILLION * 1_000 % 1 for each in exact for amount in each)


@pytest.mark.parametrize("provider", build.SOURCES)
def test_costs_are_those_of_their_source(provider: str) -> None:
    """Costs agree for every model, kind of usage and search, around tiers, in all service tiers and hours.

    Exact to the nano-dollar, rounded up; within half a nano-dollar per million for rounded prices.
    """
    chance = random.Random(provider)
    assert models_by_provider()[provider]
    for name, given, known in models_by_provider()[provider]:
        model = CATALOG.model(provider, name)
        tokens_off = Decimal(1) / (2 * MILLION) if is_rounded(known) else Decimal(0)
        for prompt in sizes(chance, model):
            sent, came = (
                split(chance, prompt, PARTS),
                split(chance, int(10 ** chance.uniform(0, 5)), COMPLETION_PARTS),
            )
            service = chance.choice((None, "default", "scale", *prices.SERVICES))
            at = prices.NOON.replace(hour=chance.randrange(24), minute=chance.choice((0, 29, 30, 59)))
            uses, searches = searches_of(chance, known, model)
            exact = known.calc_price(
                theirs_of(sent, came, searches),
                given,
                genai_request_timestamp=at,
                price_context=prices.SERVICES.get(service or ""),
            )

            ours = cost({**ours_of(sent, came, service), "tool_uses": uses}, model, at.timestamp())

            assert ours is not None
            off, slack = ours - exact.total_price * 1_000_000_000, tokens_off * (prompt + sum(came.values()))
            assert -slack <= off < 1 + slack, (name, service, sent, came, uses)


def test_omitted_prices_are_listed() -> None:
    """Each price and variant of genai-prices is compiled, or listed with a reason."""
    units, contexts = set[str](), set[tuple[str, str]]()
    for rows in models_by_provider().values():
        for _, _, model in rows:
            variants = model.price_variants or []
            contexts |= {pair for variant in variants for pair in variant.when.items()}
            for each in (prices.standard_price(model), *(variant.prices for variant in variants)):
                units |= {key for key, amount in vars(each).items() if amount is not None}

    served = {pair for context in prices.SERVICES.values() for pair in context.items()}
    assert units <= {*prices.UNITS.values(), *prices.TOOLS.values(), *prices.UNPRICED}
    assert contexts <= served | set(NOT_REPORTED)
    assert set(prices.UNPRICED) <= units
    assert set(NOT_REPORTED) <= contexts
