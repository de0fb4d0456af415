"""Reads the operator's prices from an overlay file, in US dollars, into rows like those of models.json.

docs/prices.md describes the format.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from vaultcore.catalog.document import ConfigNode
from vaultcore.catalog.schema import TOKENS, TOOL_UNITS
from vaultcore.money import MILLION, from_usd
from vaultcore.wire import Json

UNITS = (*TOKENS, "request", "picture")
SERVICES = ("flex", "priority", "fast", "scale", "batch")
MAX_USD = 1_000_000  # US dollars per million tokens, and a thousandth of it per request or image
MAX_TIERS = 16  # per price

_KIND = re.compile(r"[1-9]\d*x[1-9]\d*(?:/[a-z]+)?|[a-z]+")


def parse(node: ConfigNode) -> Json:
    """Return a row with `price`, `tiers`, `services` and `tools`; raise ConfigError for anything else."""
    entries = node.mapping((*UNITS, *TOOL_UNITS, "tiers", "services"))
    row: Json = {"price": _price(node, entries)}
    if tools := {unit: _single(entries[unit], "use") for unit in TOOL_UNITS if unit in entries}:
        row["tools"] = tools
    if "tiers" in entries:
        row["tiers"] = _tiers(entries["tiers"])
    if "services" in entries:
        row["services"] = {name: _service(each, name) for name, each in entries["services"].mapping().items()}
    return row


def _service(node: ConfigNode, name: str) -> Json:
    if name not in SERVICES:
        raise node.error(
            f"is not a service tier; use one of {', '.join(SERVICES)}{node.hint(name, SERVICES)}"
        )
    entries = node.mapping((*UNITS, "tiers"))
    row: Json = {"price": _price(node, entries)}
    return {**row, "tiers": _tiers(entries["tiers"])} if "tiers" in entries else row


def _tiers(node: ConfigNode) -> list[list[object]]:
    tiers: dict[int, list[object]] = {}
    parts = node.items()
    if len(parts) > MAX_TIERS:
        raise node.error(f"has more than {MAX_TIERS} tiers")
    for each in parts:
        entries = each.mapping((*UNITS, "above"))
        if "above" not in entries:
            raise each.error("has no above; set it to the prompt tokens beyond which the tier applies")
        above = entries["above"].whole(least=1, most=1_000_000_000)
        if above in tiers:
            raise entries["above"].error("repeats the above of another tier")
        tiers[above] = [above, *_price(each, entries)]
    return [tiers[above] for above in sorted(tiers)]


def _price(node: ConfigNode, entries: Mapping[str, ConfigNode]) -> list[object]:
    """Return a price as a list, in the format of models.json."""
    for key in ("input", "output"):
        if key not in entries and "picture" not in entries:
            raise node.error(f"has no {key} price; write 0 if it is free")
    named: Json = {key: _nanos(entries[key], "million tokens", MAX_USD) for key in TOKENS if key in entries}
    amounts: list[object] = [named.pop("input", 0), named.pop("output", 0)]
    if "request" in entries:
        named["request"] = _single(entries["request"], "request")
    if "picture" in entries:
        named["pictures"] = _pictures(entries["picture"])
    return [*amounts, named] if named else amounts


def _pictures(node: ConfigNode) -> Json:
    """Return prices per million images: one price, or one by size, quality or both (`1024x1024/hd`)."""
    if not isinstance(node.value, dict):
        return {"": _single(node, "picture")}
    prices: Json = {}
    for kind, each in node.mapping().items():
        if not _KIND.fullmatch(kind):
            raise each.error(
                "is not a size or quality of images; write for example 1024x1024, hd or 1024x1024/hd"
            )
        prices["" if kind == "default" else kind] = _single(each, "picture")
    if not prices:
        raise node.error("has no price")
    return prices


def _single(node: ConfigNode, unit: str) -> int:
    """Return nano-dollars per million of a unit that is priced one by one."""
    return _nanos(node, unit, MAX_USD // 1_000) * MILLION


def _nanos(node: ConfigNode, unit: str, most: int) -> int:
    value = node.value
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        raise node.error(f"must be a price from 0 to {most} in US dollars per {unit}")
    return from_usd(Decimal(str(value)))
