"""Verifying an exported ledger: every hash, link, signature and cost, with no store and no secret."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vaultcore.catalog.catalog import Catalog
from vaultcore.ledger import lines
from vaultcore.ledger.chain import FORMAT, GENESIS, VERSION, Seal, follow, named
from vaultcore.ledger.export import Header
from vaultcore.ledger.lines import Malformed
from vaultcore.ledger.rates import Rates
from vaultcore.ledger.signing import signed_by
from vaultcore.usage.record import Record


@dataclass(frozen=True, slots=True)
class Problem:
    """The first thing that is wrong. `line` counts from 1; `subject` is a record's id or a seal's name."""

    line: int
    subject: str
    wrong: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.subject}: {self.wrong}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a ledger holds up to its first problem. Costs are in nano-dollars."""

    problem: Problem | None
    public_key: str
    rows: int
    seals: int
    first_day: str
    last_day: str
    whole: bool  # begins where the ledger began
    head: str
    cost: int
    unpriced: int  # rows without a cost: nobody knew a price for them
    cost_by_key: Mapping[str, int] = field(repr=False)
    notes: tuple[str, ...] = ()


def verify(
    text: Iterable[bytes],
    catalog: Catalog | None = None,
    *,
    public_key: str | None = None,
    head: str | None = None,
) -> Verdict:
    """Read a ledger line by line, each with its end, up to the first thing that is wrong.

    Without `public_key` the file's own is believed: then it says who signed only to who compares it. `head`
    is a hash that was noted before: one of the seals must still end with it. A catalog knows the prices of
    one version; rows of others are compared among themselves.
    """
    reader, number, problem = _Reader(Rates(catalog), public_key, head), 0, None
    try:
        for line in text:
            number += 1
            reader.take(lines.parsed(line))
        reader.close()
    except Malformed as found:
        problem = Problem(max(number, 1), found.subject, found.wrong)
    return reader.verdict(problem)


@dataclass(slots=True)
class _Reader:
    rates: Rates
    trusted: str | None
    noted: str | None
    header: Header | None = None
    head: str = GENESIS
    started: str = GENESIS  # the hash that the present seal's first row follows
    pending: list[tuple[str, Record]] = field(
        default_factory=list
    )  # rows since the last seal, with their places
    sealed: Seal | None = None  # the last one
    rows: int = 0
    seals: int = 0
    first_day: str = ""
    last: str = ""  # entry of the last seal's day up to which its rows go
    ids: set[str] = field(default_factory=set)
    heads: int = 0  # seals that end with the noted hash
    versions: set[str] = field(default_factory=set)
    cost: int = 0
    unpriced: int = 0
    cost_by_key: dict[str, int] = field(default_factory=dict)

    def take(self, told: dict[str, Any]) -> None:
        if self.header is None:
            self._begin(told)
        elif "hash" in told:
            self._row(told)
        else:
            self._seal(told)

    def close(self) -> None:
        """The end of the file: nothing may be missing there."""
        if self.header is None:
            raise Malformed("the file", "is empty")
        if self.pending:
            raise Malformed("the file", f"ends before the seal of its last {len(self.pending)} rows")
        if (self.seals, self.rows) != (self.header.seals, self.header.rows) or self.head != self.header.head:
            raise Malformed(
                "the file",
                f"ends after {self.rows} rows and {self.seals} seals, and its header tells of"
                f" {self.header.rows} rows and {self.header.seals} seals",
            )
        if self.versions != set(self.header.price_versions):
            raise Malformed("the header", "tells of other price versions than the rows")
        if self.noted is not None and not self.heads:
            raise Malformed("the file", f"no seal in it ends with {self.noted}, the head that was noted")

    def _begin(self, told: dict[str, Any]) -> None:
        if told.get("format") != FORMAT or told.get("version") != VERSION:
            raise Malformed("the header", f"is not that of a {FORMAT} file of version {VERSION}")
        header = lines.header(told)
        if self.trusted is not None and header.public_key != self.trusted:
            raise Malformed("the header", f"is signed by {header.public_key}, not by {self.trusted}")
        if not signed_by(header.public_key, header.unsigned(), header.signature):
            raise Malformed("the header", "is not what its key has signed")
        self.header, self.head, self.started = header, header.previous, header.previous

    def _row(self, told: dict[str, Any]) -> None:
        digest, subject = told.pop("hash"), str(told.get("id"))[:80]
        if follow(self.head, told) != digest:
            raise Malformed(
                subject, "does not follow the row before it: one of them is changed, or rows between are gone"
            )
        place, record = lines.record(told, subject)
        if subject in self.ids:
            raise Malformed(subject, "is there twice")
        if (fault := self.rates.fault(record)) is not None:
            raise Malformed(subject, fault)
        self.ids.add(subject)
        self.pending.append((place, record))
        self.head = digest

    def _seal(self, told: dict[str, Any]) -> None:
        seal = lines.seal(told)
        subject = f"seal {seal.entry}"
        if self.header is None or not signed_by(self.header.public_key, seal.unsigned(), seal.signature):
            raise Malformed(subject, "is not what the ledger's key has signed")
        if (fault := self._misplaced(seal) or self._unlike(seal)) is not None:
            raise Malformed(subject, fault)
        for _, record in self.pending:
            self._count(record)
        self.versions |= set(seal.price_versions)
        self.last = seal.last or (self.last if self.sealed and self.sealed.day == seal.day else "")
        self.sealed, self.started = seal, seal.head
        self.rows, self.seals = self.rows + seal.count, self.seals + 1
        self.first_day = self.first_day or seal.day
        self.heads += seal.head == self.noted
        self.pending = []

    def _misplaced(self, seal: Seal) -> str | None:
        """Whether it is not the one that comes after the last."""
        if seal.previous != self.started:
            return "does not begin where the seal before it ends: a seal is missing, or out of its order"
        before = self.sealed
        if before is None:
            return None
        follows = (
            seal.number == before.number + 1
            if seal.day == before.day
            else seal.day > before.day and seal.number == 1
        )
        return None if follows else f"cannot come after seal {before.entry}"

    def _unlike(self, seal: Seal) -> str | None:
        """Whether it tells of other rows than those before it."""
        places = [place for place, _ in self.pending]
        late, timely = places[: len(seal.late)], places[len(seal.late) :]
        if seal.count != len(places) or seal.head != self.head:
            return f"covers {seal.count} rows that end with {seal.head}; {len(places)} are there"
        ends = (named(seal.day, seal.first), named(seal.day, seal.last)) if seal.first else None
        if late != list(seal.late) or ((timely[0], timely[-1]) if timely else None) != ends:
            return "names other rows than those before it"
        after = self.last if self.sealed is not None and self.sealed.day == seal.day else ""
        if timely != sorted(set(timely)) or (timely and timely[0] <= named(seal.day, after)):
            return "covers rows that are not in the order of their end"
        if {record.price_version for _, record in self.pending} != set(seal.price_versions):
            return "tells of other price versions than its rows"
        return None

    def _count(self, record: Record) -> None:
        if record.cost is None:
            self.unpriced += 1
            return
        self.cost += record.cost
        self.cost_by_key[record.key] = self.cost_by_key.get(record.key, 0) + record.cost

    def verdict(self, problem: Problem | None) -> Verdict:
        header, sealed = self.header, self.sealed
        return Verdict(
            problem=problem,
            public_key=header.public_key if header else "",
            rows=self.rows,
            seals=self.seals,
            first_day=self.first_day,
            last_day=sealed.day if sealed else "",
            whole=header is not None and header.previous == GENESIS,
            head=sealed.head if sealed else self.started,
            cost=self.cost,
            unpriced=self.unpriced,
            cost_by_key=self.cost_by_key,
            notes=tuple(self.rates.notes),
        )
