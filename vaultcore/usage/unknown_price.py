"""The price of models that the catalog has no price for, as VAULTEDGE_UNKNOWN_PRICE sets it."""

from __future__ import annotations

from dataclasses import replace

from vaultcore.catalog.schema import Model, Price
from vaultcore.errors import ConfigError
from vaultcore.lazy_dataclass import dataclass
from vaultcore.money import from_usd
from vaultcore.settings import UNKNOWN_PRICE


@dataclass(frozen=True, slots=True)
class UnknownPrice:
    """The price of a model without one. None: such a model must not be used."""

    price: Price | None = None

    @classmethod
    def parse(cls, text: str) -> UnknownPrice:
        """Parse `deny`, `free`, or `IN/OUT` in US dollars per million tokens. Raise ConfigError."""
        if not UNKNOWN_PRICE.fullmatch(text):
            raise ConfigError("must be deny, free, or IN/OUT like 2/10", key="VAULTEDGE_UNKNOWN_PRICE")
        if text == "deny":
            return cls(None)
        if text == "free":
            return cls(Price(0, 0, pictures={"": 0}))
        input_price, _, output_price = text.partition("/")
        return cls(Price(from_usd(input_price), from_usd(output_price)))

    def version(self, prices: str) -> str:
        """Return the catalog's price version with this price added: `prices-1~2000000000/10000000000`."""
        return prices if self.price is None else f"{prices}~{self.price.input}/{self.price.output}"


def with_price(model: Model, unknown: UnknownPrice) -> Model | None:
    """Return the model with the price it is charged at; None if it must not be used without one."""
    if model.price is not None:
        return model
    return None if unknown.price is None else replace(model, price=unknown.price)
