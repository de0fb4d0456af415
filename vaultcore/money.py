"""Money as integer nano-dollars (10⁻⁹ USD): sums are exact, and DynamoDB can add them."""

from __future__ import annotations

from decimal import Decimal
from typing import NewType

Nanos = NewType("Nanos", int)  # nano-dollars

PER_DOLLAR = 1_000_000_000  # nano-dollars
MILLION = 1_000_000  # tokens that a price is for


def from_usd(amount: Decimal | str | float) -> Nanos:
    """Return an amount in US dollars as nano-dollars, rounded half to even.

    >>> from_usd("0.15")
    150000000
    """
    return Nanos(int((Decimal(str(amount)) * PER_DOLLAR).to_integral_value()))


def micro_nanos(count: int, per_million: int) -> int:
    """Return the cost of `count` tokens at nano-dollars per million, in millionths of a nano-dollar."""
    return count * per_million


def round_up(total: int) -> Nanos:
    """Return a sum of `micro_nanos` in nano-dollars. Sums are rounded once, at the end."""
    return Nanos(-(-total // MILLION))


def format_usd(nanos: int) -> str:
    """Return dollars as a plain decimal without trailing zeros: `0.000123`."""
    text = f"{Decimal(nanos) / PER_DOLLAR:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
