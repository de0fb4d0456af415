"""What became of one capability in one dialect."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Mark(Enum):
    """The words of the table, best first."""

    YES = "yes"
    EMULATED = "emulated"  # got by other means, and reported
    REPORTED = "reported"  # left out or bounded, and reported; refused in strict mode
    REFUSED = "refused"  # 400, naming the parameter
    FAILED = "failed"  # lost in silence, or refused by the provider, or answered wrongly: a defect

    def __str__(self) -> str:
        return self.value


RANK = {mark: place for place, mark in enumerate(Mark)}


@dataclass(frozen=True, slots=True)
class Cell:
    """A mark, and the reason for it where it is not the best one."""

    mark: Mark
    reason: str = ""
    model: str = ""  # with which model it was found


def best(cells: Iterable[Cell]) -> Cell:
    """The best that any model gives; a defect with one of them is the dialect's."""
    found = sorted(cells, key=lambda cell: RANK[cell.mark])
    failed = [cell for cell in found if cell.mark is Mark.FAILED]
    return failed[0] if failed else found[0]
