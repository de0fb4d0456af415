"""The candidates of a call that has many: created when they are tried, except the first ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import overload

from vaultcore.catalog.schema import Target
from vaultcore.routing.candidate import Candidate
from vaultcore.routing.health import Health
from vaultcore.vault.keyring import Credential

EAGER = 16  # candidates that a record lists


class CandidateList(Sequence[Candidate]):
    """Candidates in the order in which they are tried; those in cooldown last.

    The first EAGER of them are known at once. The others are created, and their cooldown is checked, when a
    failure makes them necessary: with 500 keys, creating all of them takes longer than the rest of a request.
    """

    def __init__(
        self,
        groups: Iterable[tuple[Target, Iterable[Credential]]],
        length: int,
        health: Health,
        now: float,
    ) -> None:
        self._length, self._health, self._now = length, health, now
        self._has_cooldowns = health.has_open
        self.in_cooldown: list[Candidate] = []  # of those that were checked
        self._rest = self._create(groups)
        self.known = list(islice(self._rest, EAGER))

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Candidate]:
        place = 0
        while place < self._length:
            if place == len(self.known):
                self.known.append(next(self._rest))
            yield self.known[place]
            place += 1

    @overload
    def __getitem__(self, place: int) -> Candidate: ...

    @overload
    def __getitem__(self, place: slice) -> list[Candidate]: ...

    def __getitem__(self, place: int | slice) -> Candidate | list[Candidate]:
        self.known += self._rest
        return self.known[place]

    def _create(self, groups: Iterable[tuple[Target, Iterable[Credential]]]) -> Iterator[Candidate]:
        for target, keys in groups:
            for key in keys:
                candidate = Candidate(target, key)
                if self._has_cooldowns and self._health.cooldown(candidate, self._now)[0] > 0:
                    self.in_cooldown.append(candidate)
                else:
                    yield candidate
        yield from self.in_cooldown
