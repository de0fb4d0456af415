"""Converts the prices of a model in genai-prices into a row of models.json.

Prices that begin after AS_OF are ignored: update the date together with the package. If a price depends on
the time of day, the price at noon UTC is the standard price, and the row lists the hours of the others.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

from genai_prices import types as theirs

AS_OF = date(2026, 11, 21)
NOON = datetime.combine(AS_OF, time(12), UTC)
PICTURES = Path(__file__).with_name("picture_prices.csv")
NANOS = Decimal(1_000_000_000)
MILLION = 1_000_000
UNITS: Mapping[str, str] = {  # field of `Price`, in its order -> field of genai-prices
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "reasoning": "output_reasoning_mtok",
    "audio_input": "input_audio_mtok",
    "audio_output": "output_audio_mtok",
    "audio_cache_read": "cache_audio_read_mtok",
    "image_input": "input_image_mtok",
    "image_output": "output_image_mtok",
    "image_cache_read": "cache_image_read_mtok",
    "video_input": "input_video_mtok",
    "video_output": "output_video_mtok",
    "request": "requests_kcount",
}
LISTED = 5  # the first units appear in a price list by position, the others by name
SCALES: Mapping[str, int] = {"requests_kcount": 1_000}  # factor to the price of a million units
TOOLS: Mapping[str, str] = {  # unit of a provider's tool -> field of genai-prices, a price per thousand
    "web_search": "web_searches_kcount",
    "file_search": "storage_searches_kcount",
}
UNPRICED: Mapping[str, str] = {  # field of genai-prices without a unit here -> the reason
    "output_citation_mtok": "only a model of a retired API counts citation tokens, outside of its usage",
    "audio_hours": "usage counts audio in tokens, not in seconds",
    "input_audio_hours": "usage counts audio in tokens, not in seconds",
}
SERVICES: Mapping[str, Mapping[str, str]] = {  # service_tier of a response -> the context in genai-prices
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
    "batch": {"processing": "batch"},
}

Row = dict[str, Any]


def standard_price(model: theirs.ModelInfo) -> theirs.ModelPrice:
    """Return the price at noon UTC of AS_OF."""
    return model.get_prices(NOON)


def price_row(model: theirs.ModelInfo) -> Row:
    """Return price, tiers, services and hours of a row; empty if the model is not priced by tokens."""
    prices = standard_price(model)
    if prices.input_mtok is None:
        return {}
    row = _rates(prices)
    services = {name: _rates(model.get_prices(NOON, context)) for name, context in SERVICES.items()}
    others = {name: rates for name, rates in services.items() if rates != row}
    hours = [
        [begin, end, rates]
        for begin, end in _spans(model)
        if (rates := _rates(_price_at(model, begin))) != row
    ]
    if others and hours:
        raise SystemExit(f"{model.id} has prices by service tier and by hour; decide which takes precedence")
    return {**row, **({"services": others} if others else {}), **({"hours": hours} if hours else {})}


def _spans(model: theirs.ModelInfo) -> list[tuple[int, int]]:
    """Return the spans of a day with constant prices, as minutes in UTC."""
    prices = model.prices if isinstance(model.prices, list) else []
    limits = [each.constraint for each in prices if isinstance(each.constraint, theirs.TimeOfDateConstraint)]
    edges = [edge.astimezone(UTC) if edge.tzinfo else edge for edge in _edges(limits)]
    minutes = sorted({edge.hour * 60 + edge.minute for edge in edges})
    return list(zip(minutes, [*minutes[1:], *minutes[:1]], strict=True))


def _edges(limits: list[theirs.TimeOfDateConstraint]) -> list[datetime]:
    return [datetime.combine(AS_OF, each) for limit in limits for each in (limit.start_time, limit.end_time)]


def _price_at(model: theirs.ModelInfo, minute: int) -> theirs.ModelPrice:
    return model.get_prices(NOON.replace(hour=minute // 60, minute=minute % 60))


def image_rows() -> dict[str, dict[str, Row]]:
    """Return the rows of picture_prices.csv by provider and model: prices per image."""
    kinds: dict[tuple[str, str], dict[str, int]] = {}
    with PICTURES.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            each = kinds.setdefault((line["provider"], line["model"]), {})
            each[line["kind"]] = int(Decimal(line["usd"]) * NANOS) * MILLION
    rows: dict[str, dict[str, Row]] = {}
    for (provider, model), nanos in kinds.items():
        rows.setdefault(provider, {})[model] = {"price": [0, 0, {"pictures": nanos}]}
    return rows


def _rates(prices: theirs.ModelPrice) -> Row:
    unknown = {key for key, price in vars(prices).items() if price is not None}
    unknown -= {*UNITS.values(), *TOOLS.values(), *UNPRICED}
    if unknown:
        raise SystemExit(f"genai-prices has unknown units: {', '.join(sorted(unknown))}; add them to UNITS")
    row: Row = {"price": _price(prices, 0)}
    starts = sorted({tier.start for key in UNITS.values() for tier in _tiers(getattr(prices, key))})
    if starts:
        row["tiers"] = [[start, *_price(prices, start + 1)] for start in starts]
    return row


def _price(prices: theirs.ModelPrice, tokens: int) -> list[object]:
    """Return nano-dollars per million units: the first units of `Price` in its order, the others by name."""
    amounts = {unit: _nanos(getattr(prices, key), tokens, SCALES.get(key, 1)) for unit, key in UNITS.items()}
    amounts["output"] = amounts["output"] or 0
    listed = list[object](amounts.values())[:LISTED]
    while listed[-1] is None:
        listed.pop()
    named = {unit: amount for unit, amount in list(amounts.items())[LISTED:] if amount is not None}
    return [*listed, named] if named else listed


def _nanos(price: Decimal | theirs.TieredPrices | None, tokens: int, scale: int) -> int | None:
    if price is None:
        return None
    amount = price.base if isinstance(price, theirs.TieredPrices) else price
    for tier in _tiers(price):
        if tokens > tier.start:
            amount = tier.price
    return int((amount * scale * NANOS).to_integral_value(ROUND_HALF_EVEN))


def _tiers(price: Decimal | theirs.TieredPrices | None) -> list[theirs.Tier]:
    return price.tiers if isinstance(price, theirs.TieredPrices) else []
