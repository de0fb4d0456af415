"""The check of a row's prices knows tools, regions and reservations."""

from __future__ import annotations

from typing import Any

import pytest

from vaultcore.catalog.load import load_builtin
from vaultcore.ledger.price_check import PriceChecker
from vaultcore.usage.cost import cost_of_detail, price_detail
from vaultcore.usage.record import Record
from vaultcore.wire import Usage

CATALOG = load_builtin()
NAME = "claude-opus-4-6"
USAGE: Usage = {
    "prompt_tokens": 900,
    "completion_tokens": 70,
    "prompt_tokens_details": {"cached_tokens": 400},
    "tool_uses": {"web_search": 2},
    "inference_geo": "us",
}


def check(price: dict[str, list[int]]) -> tuple[str | None, list[str]]:
    """Return the error and the notes for a row with these prices."""
    fields: dict[str, Any] = {"id": "r", "key": "k", "at": 0.0, "ended": 1.0, "path": "/v1/messages"}
    fields |= {"model": NAME, "status": 200, "provider": "anthropic", "served": NAME, "prompt_tokens": 900}
    version = CATALOG.price_version
    checker = PriceChecker(CATALOG)
    record = Record(**fields, price=price, cost=cost_of_detail(price), price_version=version)
    return checker.check(record), checker.notes


def priced() -> dict[str, list[int]]:
    return price_detail(USAGE, CATALOG.model("anthropic", NAME)) or {}


def test_tools_and_regions_are_in_the_price_list() -> None:
    """A row with uses of tools and a region's surcharge has the prices of the catalog."""
    assert priced().keys() == {"input", "output", "cache_read", "web_search"}
    assert check(priced()) == (None, [])


def test_a_reservation_has_no_price_in_the_list() -> None:
    """A call that was charged its reservation is correct at any amount."""
    assert check({"reservation": [1, 123_000_000]}) == (None, [])


@pytest.mark.parametrize("unit", ["input", "output", "cache_read", "web_search"])
def test_another_price_is_an_error(unit: str) -> None:
    """A price that neither the list nor a region's surcharge gives is reported, also of a tool."""
    price = priced()
    price[unit] = [price[unit][0], price[unit][1] + 10**9]

    error, _ = check(price)

    assert error is not None
    assert "not those of" in error


def test_a_surcharge_applies_to_all_tokens() -> None:
    """A row cannot mix prices with and without the surcharge."""
    plain = price_detail({**USAGE, "inference_geo": "global"}, CATALOG.model("anthropic", NAME)) or {}

    error, _ = check({**priced(), "output": plain["output"]})

    assert error is not None
