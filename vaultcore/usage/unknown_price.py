"""Models whose price nobody knows: what the operator wants of them. VAULTEDGE_UNKNOWN_PRICE says it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vaultcore.catalog.schema import Model, Price
from vaultcore.errors import ConfigError
from vaultcore.money import from_usd
from vaultcore.settings import UNKNOWN_PRICE


@dataclass(frozen=True, slots=True)
class UnknownPrice:
    """The price that stands in for one that is not known; None: such a model is not to be used."""

    price: Price | None = None

    @classmethod
    def parse(cls, text: str) -> UnknownPrice:
        """`deny`, `free`, or `IN/OUT` in US dollars per million tokens; ConfigError for anything else."""
        if not UNKNOWN_PRICE.fullmatch(text):
            raise ConfigError("must be deny, free, or IN/OUT like 2/10", key="VAULTEDGE_UNKNOWN_PRICE")
        if text == "deny":
            return cls(None)
        if text == "free":
            return cls(Price(0, 0, pictures={"": 0}))
        came_in, _, came_out = text.partition("/")
        return cls(Price(from_usd(came_in), from_usd(came_out)))

    def version(self, prices: str) -> str:
        """The catalog's price version with this choice in it: another choice is another price."""
        return prices if self.price is None else f"{prices}~{self.price.input}/{self.price.output}"


def priced(model: Model, choice: UnknownPrice) -> Model | None:
    """The model as it is charged for; None where it must not be used, because nobody knows what it costs."""
    if model.price is not None:
        return model
    return None if choice.price is None else replace(model, price=choice.price)
