"""What a model of genai-prices costs, as a row of models.json.

Prices that begin later than AS_OF are left out: raise it together with the package. Where a price depends on
the time of day, the one at noon UTC is the usual one, and the hours of others are listed.
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
UNITS: Mapping[str, str] = {  # ours, in the order of `Price`: theirs
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
LISTED = 5  # of these stand in a row without their names
SCALES: Mapping[str, int] = {"requests_kcount": 1_000}  # to a million; tokens are priced by it already
UNPRICED: Mapping[str, str] = {  # theirs: why it has no unit of ours
    "web_searches_kcount": "no format of ours counts searches that a provider makes on its side",
    "storage_searches_kcount": "no format of ours counts searches that a provider makes on its side",
    "output_citation_mtok": "one model of an API that has ended counts tokens of citations, beside its usage",
    "audio_hours": "sound is counted in tokens here, never in seconds",
    "input_audio_hours": "sound is counted in tokens here, never in seconds",
}
SERVICES: Mapping[str, Mapping[str, str]] = {  # an answer's service_tier: what genai-prices calls it
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
    "batch": {"processing": "batch"},
}

Row = dict[str, Any]


def standard(model: theirs.ModelInfo) -> theirs.ModelPrice:
    """The price in force at noon of AS_OF."""
    return model.get_prices(NOON)


def priced(model: theirs.ModelInfo) -> Row:
    """The row's price, tiers and service tiers, where tokens are what is priced."""
    prices = standard(model)
    if prices.input_mtok is None:
        return {}
    row = _rates(prices)
    services = {name: _rates(model.get_prices(NOON, context)) for name, context in SERVICES.items()}
    others = {name: rates for name, rates in services.items() if rates != row}
    hours = [
        [begin, end, rates] for begin, end in _spans(model) if (rates := _rates(_then(model, begin))) != row
    ]
    if others and hours:
        raise SystemExit(f"{model.id} has prices by service tier and by hour: say which goes first")
    return {**row, **({"services": others} if others else {}), **({"hours": hours} if hours else {})}


def _spans(model: theirs.ModelInfo) -> list[tuple[int, int]]:
    """The minutes of the day between which a model has one price."""
    given = model.prices if isinstance(model.prices, list) else []
    limits = [each.constraint for each in given if isinstance(each.constraint, theirs.TimeOfDateConstraint)]
    edges = [edge.astimezone(UTC) if edge.tzinfo else edge for edge in _edges(limits)]
    minutes = sorted({edge.hour * 60 + edge.minute for edge in edges})
    return list(zip(minutes, [*minutes[1:], *minutes[:1]], strict=True))


def _edges(limits: list[theirs.TimeOfDateConstraint]) -> list[datetime]:
    return [datetime.combine(AS_OF, each) for limit in limits for each in (limit.start_time, limit.end_time)]


def _then(model: theirs.ModelInfo, minute: int) -> theirs.ModelPrice:
    return model.get_prices(NOON.replace(hour=minute // 60, minute=minute % 60))


def pictures() -> dict[str, dict[str, Row]]:
    """Rows of models whose pictures are priced one by one, by provider and model: picture_prices.csv."""
    kinds: dict[tuple[str, str], dict[str, int]] = {}
    with PICTURES.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            each = kinds.setdefault((line["provider"], line["model"]), {})
            each[line["kind"]] = int(Decimal(line["usd"]) * NANOS) * MILLION
    rows: dict[str, dict[str, Row]] = {}
    for (provider, model), told in kinds.items():
        rows.setdefault(provider, {})[model] = {"price": [0, 0, {"pictures": told}]}
    return rows


def _rates(prices: theirs.ModelPrice) -> Row:
    strange = {key for key, price in vars(prices).items() if price is not None}
    strange -= {*UNITS.values(), *UNPRICED}
    if strange:
        raise SystemExit(f"genai-prices has prices of units unknown here: {', '.join(sorted(strange))}")
    row: Row = {"price": _price(prices, 0)}
    starts = sorted({tier.start for key in UNITS.values() for tier in _tiers(getattr(prices, key))})
    if starts:
        row["tiers"] = [[start, *_price(prices, start + 1)] for start in starts]
    return row


def _price(prices: theirs.ModelPrice, tokens: int) -> list[object]:
    """Nano-dollars per million: the first units of `Price` in its order, the others by name."""
    amounts = {ours: _nanos(getattr(prices, key), tokens, SCALES.get(key, 1)) for ours, key in UNITS.items()}
    amounts["output"] = amounts["output"] or 0
    listed = list[object](amounts.values())[:LISTED]
    while listed[-1] is None:
        listed.pop()
    named = {ours: amount for ours, amount in list(amounts.items())[LISTED:] if amount is not None}
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
