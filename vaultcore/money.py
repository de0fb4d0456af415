"""Money as integers: nano-dollars (10⁻⁹ USD), so that sums are exact and DynamoDB can add them."""

from __future__ import annotations

from decimal import Decimal
from typing import NewType

Nanos = NewType("Nanos", int)

PER_DOLLAR = 1_000_000_000
MILLION = 1_000_000


def from_usd(amount: Decimal | str | float) -> Nanos:
    """Nano-dollars of an amount in US dollars, rounded half-even."""
    return Nanos(int((Decimal(str(amount)) * PER_DOLLAR).to_integral_value()))


def times(tokens: int, per_million: int) -> int:
    """What `tokens` cost at a price in nano-dollars per million tokens, in nano-dollars × 10⁶."""
    return tokens * per_million


def settled(millionths: int) -> Nanos:
    """Nano-dollars of a sum of `times`: rounded up, once, at the end."""
    return Nanos(-(-millionths // MILLION))


def usd(nanos: int) -> str:
    """Dollars as a plain decimal string without trailing zeros: `0.000123`."""
    text = f"{Decimal(nanos) / PER_DOLLAR:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
