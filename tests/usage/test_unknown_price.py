"""VAULTEDGE_UNKNOWN_PRICE: models without a price."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultcore.catalog.schema import Model, Price
from vaultcore.errors import ConfigError
from vaultcore.money import from_usd
from vaultcore.settings import Settings
from vaultcore.usage.cost import cost
from vaultcore.usage.max_cost import max_cost
from vaultcore.usage.unknown_price import UnknownPrice, with_price

NAMELESS = Model("new")
KNOWN = Model("known", price=Price(1, 2))
NEVER = [
    "",
    "yes",
    "2",
    "2/",
    "/10",
    "-1/2",
    "1e3/2",
    "nan/1",
    "2/10/3",
    "2 /10",
    "٢/١٠",
    "9999999/1",
    "0.1234567891/1",
]


def test_unknown_prices_are_refused_by_default() -> None:
    """By default a model without a price is refused."""
    choice = UnknownPrice.parse(Settings.from_env({}).unknown_price)

    assert choice == UnknownPrice() == UnknownPrice.parse("deny")
    assert with_price(NAMELESS, choice) is None


def test_free_is_a_price_of_zero() -> None:
    """`free` is a price of 0, for images too."""
    model = with_price(NAMELESS, UnknownPrice.parse("free"))

    assert model is not None
    assert cost({"prompt_tokens": 9, "completion_tokens": 9}, model) == 0
    assert cost({"pictures": {"count": 2}}, model) == 0
    assert max_cost(10**6, 10**6, model) == 0


@given(st.decimals(0, 999_999, places=6), st.decimals(0, 999_999, places=6))
def test_a_price_of_ones_own_stands_in(came_in: object, out: object) -> None:
    """IN/OUT in US dollars per million tokens is charged and reserved for models without a price."""
    model = with_price(NAMELESS, UnknownPrice.parse(f"{came_in}/{out}"))

    assert model is not None
    assert model.price == Price(from_usd(str(came_in)), from_usd(str(out)))


@pytest.mark.parametrize("text", ["deny", "free", "2/10"])
def test_a_known_price_stays(text: str) -> None:
    """A model with a price keeps it."""
    assert with_price(KNOWN, UnknownPrice.parse(text)) is KNOWN


@pytest.mark.parametrize("text", NEVER)
def test_nonsense_is_refused_at_start(text: str) -> None:
    """An invalid value is rejected by the settings and by the parser, with the variable's name."""
    with pytest.raises(ConfigError) as refused:
        UnknownPrice.parse(text)
    assert refused.value.key == "VAULTEDGE_UNKNOWN_PRICE"
    if text:
        with pytest.raises(ConfigError) as unset:
            Settings.from_env({"VAULTEDGE_UNKNOWN_PRICE": text})
        assert unset.value.key == "VAULTEDGE_UNKNOWN_PRICE"


@pytest.mark.parametrize("text", [" Free ", "2/10", "0.25/1.5", "DENY"])
def test_accepted_settings_can_be_parsed(text: str) -> None:
    """Spaces and capitals do not matter, and every accepted value can be parsed."""
    assert UnknownPrice.parse(Settings.from_env({"VAULTEDGE_UNKNOWN_PRICE": text}).unknown_price)


def test_another_choice_is_another_price_version() -> None:
    """Each value has its own price version."""
    versions = {UnknownPrice.parse(text).version("abc") for text in ("deny", "free", "2/10", "2/11")}

    assert len(versions) == 4
    assert "abc" in versions
