"""The operator's own prices: US dollars in a file, as rows like those of models.json. See docs/prices.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from vaultcore.catalog.document import Part
from vaultcore.catalog.schema import TOKENS
from vaultcore.money import MILLION, from_usd
from vaultcore.wire import Json

UNITS = (*TOKENS, "request", "picture")
SERVICES = ("flex", "priority", "fast", "scale", "batch")
MAX_USD = 1_000_000  # per million tokens, and of a thousandth of it: more is a slip of the pen
MAX_TIERS = 16

_KIND = re.compile(r"[1-9]\d*x[1-9]\d*(?:/[a-z]+)?|[a-z]+")


def parse(part: Part) -> Json:
    """A row's price, tiers and service tiers; ConfigError where the file says something else."""
    given = part.mapping((*UNITS, "tiers", "services"))
    row: Json = {"price": _price(part, given)}
    if "tiers" in given:
        row["tiers"] = _tiers(given["tiers"])
    if "services" in given:
        row["services"] = {name: _service(each, name) for name, each in given["services"].mapping().items()}
    return row


def _service(part: Part, name: str) -> Json:
    if name not in SERVICES:
        raise part.refuse(f"is no service tier: one of {', '.join(SERVICES)}{part.hint(name, SERVICES)}")
    given = part.mapping((*UNITS, "tiers"))
    row: Json = {"price": _price(part, given)}
    return {**row, "tiers": _tiers(given["tiers"])} if "tiers" in given else row


def _tiers(part: Part) -> list[list[object]]:
    tiers: dict[int, list[object]] = {}
    parts = part.items()
    if len(parts) > MAX_TIERS:
        raise part.refuse(f"has more than {MAX_TIERS} tiers")
    for each in parts:
        given = each.mapping((*UNITS, "above"))
        if "above" not in given:
            raise each.refuse("has no above: the tokens of a prompt that it begins behind")
        above = given["above"].whole(least=1, most=1_000_000_000)
        if above in tiers:
            raise given["above"].refuse("begins where another tier does")
        tiers[above] = [above, *_price(each, given)]
    return [tiers[above] for above in sorted(tiers)]


def _price(part: Part, given: Mapping[str, Part]) -> list[object]:
    """A list as models.json has it."""
    for key in ("input", "output"):
        if key not in given and "picture" not in given:
            raise part.refuse(f"has no {key} price; write 0 where it costs nothing")
    told: Json = {key: _nanos(given[key], "million tokens", MAX_USD) for key in TOKENS if key in given}
    amounts: list[object] = [told.pop("input", 0), told.pop("output", 0)]
    if "request" in given:
        told["request"] = _single(given["request"], "request")
    if "picture" in given:
        told["pictures"] = _pictures(given["picture"])
    return [*amounts, told] if told else amounts


def _pictures(part: Part) -> Json:
    """One price for all, or one by size, by quality or by both (`1024x1024/hd`), and a `default`."""
    if not isinstance(part.value, dict):
        return {"": _single(part, "picture")}
    prices: Json = {}
    for kind, each in part.mapping().items():
        if not _KIND.fullmatch(kind):
            raise each.refuse("is no kind of picture: write a size, a quality or both, like 1024x1024/hd")
        prices["" if kind == "default" else kind] = _single(each, "picture")
    if not prices:
        raise part.refuse("has no price")
    return prices


def _single(part: Part, unit: str) -> int:
    """Nano-dollars per million of what is priced one by one."""
    return _nanos(part, unit, MAX_USD // 1_000) * MILLION


def _nanos(part: Part, unit: str, most: int) -> int:
    value = part.value
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        raise part.refuse(f"must be a price from 0 to {most} in US dollars per {unit}")
    return from_usd(Decimal(str(value)))
