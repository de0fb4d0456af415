"""A selection of the documents of usage collections, and the method that sums them where they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from vaultcore.lazy_dataclass import dataclass

Attribute = Literal["day", "key", "provider", "model"]
# Integer fields of a document in a usage collection, in the order of the sums.
USAGE_AMOUNTS = (
    "requests",
    "failed",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "cost_nanos",
    "unpriced",
    "ms",
)
UsageRow = tuple[str | int, ...]  # the values of the attributes, then the sums in the order of USAGE_AMOUNTS


@dataclass(frozen=True, slots=True)
class UsageSelection:
    """The usage of days, both inclusive, grouped by attributes.

    `where` has an attribute and its accepted values; all of its conditions apply.
    """

    first: str
    last: str
    by: tuple[Attribute, ...]
    where: tuple[tuple[Attribute, frozenset[str]], ...] = ()

    @property
    def concerns_keys(self) -> bool:
        """Return True if the sums of all keys together are not enough."""
        return "key" in self.by or any(name == "key" for name, _ in self.where)


class SumUsage(Protocol):
    """A method that only some stores have: it adds up usage documents without returning each of them."""

    async def __call__(self, selection: UsageSelection) -> Sequence[UsageRow]:
        """Return the sums of a selection, in any order. Several rows may be of the same group."""
        ...
