"""Something clients want from a provider, the request that wants it, and how it shows that they got it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vaultcore.capability_matrix.answer import Answer
from vaultcore.dialects import Change
from vaultcore.wire import Json

Shown = Callable[[Answer], bool]


@dataclass(frozen=True, slots=True)
class Capability:
    """One row of the table.

    Where the answer cannot show it, what is sent has to: it differs from what is sent `without` it.
    """

    title: str
    path: str  # where the request has it, and a report or a refusal names it
    request: Json
    without: Json | None = None
    shown: Shown | None = None
    instead: Json | None = None  # another way to ask for it, where the first shows nothing

    def named_by(self, path: str | None) -> bool:
        """Whether a report or a refusal at that path is about it."""
        return path is not None and (_within(path, self.path) or _within(self.path, path))

    def told_by(self, change: Change) -> bool:
        return self.named_by(change.path)


def _within(inner: str, outer: str) -> bool:
    return inner == outer or (inner.startswith(outer) and inner[len(outer)] in ".[")
