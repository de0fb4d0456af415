"""A request's way through the limits: reserved at every level or at none, and settled once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vaultcore.limits.account import Account, Denial, Lease
from vaultcore.limits.limits import MARKS, Limits


@dataclass(frozen=True, slots=True)
class Level:
    """An account that a request counts in, and what limits it: a key's, its owner's, the gateway's."""

    account: str  # "key:ID", "owner:NAME", "gateway"
    limits: Limits
    marks: tuple[int, ...] = MARKS  # per cent of lasting limits: whoever passes one is told of


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a request asks of every level alike, under an id that its settlement repeats."""

    id: str
    levels: Sequence[Level]
    lease: Lease


class Refused(Exception):
    """A level has no room. Nothing was reserved anywhere."""

    def __init__(self, level: Level, denial: Denial, account: Account) -> None:
        super().__init__(f"{level.account} is at its limit: {denial.limit}")
        self.level, self.denial = level, denial
        self.account = account  # as it stood
