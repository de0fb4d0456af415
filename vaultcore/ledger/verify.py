"""Verifies an exported ledger: every hash, link, signature and cost. Needs neither a store nor a secret."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from vaultcore.catalog.catalog import Catalog
from vaultcore.lazy_dataclass import dataclass
from vaultcore.ledger import lines
from vaultcore.ledger.chain import FORMAT, GENESIS, VERSION, Seal, chain_hash, row_key
from vaultcore.ledger.export import LedgerHeader
from vaultcore.ledger.lines import InvalidLedger
from vaultcore.ledger.price_check import PriceChecker
from vaultcore.ledger.signing import is_signed_by
from vaultcore.usage.record import Record


@dataclass(frozen=True, slots=True)
class LedgerProblem:
    """The first error in a ledger. `line` counts from 1; `subject` is a record's ID or a seal's.

    The field names appear in `vaultedge ledger verify --json`.
    """

    line: int
    subject: str
    wrong: str  # the reason

    def __str__(self) -> str:
        return f"line {self.line}: {self.subject}: {self.wrong}"


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """A ledger's contents up to its first error. Costs are in nano-dollars.

    The field names appear in `vaultedge ledger verify --json`.
    """

    problem: LedgerProblem | None
    public_key: str
    rows: int
    seals: int
    first_day: str
    last_day: str
    whole: bool  # begins with the first row of the ledger
    head: str
    cost: int
    unpriced: int  # rows without a cost, because their model has no price
    cost_by_key: Mapping[str, int] = field(repr=False)
    notes: tuple[str, ...] = ()


def verify_ledger(
    text: Iterable[bytes],
    catalog: Catalog | None = None,
    *,
    public_key: str | None = None,
    head: str | None = None,
) -> VerificationReport:
    """Verify a ledger line by line, up to its first error. Each line must have its line feed.

    `public_key` is the expected signer; without it the caller must compare the report's key. `head` is a hash
    noted earlier, with which one of the seals must end. The catalog checks the prices of its own price
    version; rows of other versions are compared with each other.
    """
    verifier, number, problem = _Verifier(PriceChecker(catalog), public_key, head), 0, None
    try:
        for line in text:
            number += 1
            verifier.add(lines.parse_line(line))
        verifier.finish()
    except InvalidLedger as error:
        problem = LedgerProblem(max(number, 1), error.subject, error.reason)
    return verifier.report(problem)


@dataclass(slots=True)
class _Verifier:
    """The state between two lines."""

    prices: PriceChecker
    expected_key: str | None
    noted_head: str | None
    header: LedgerHeader | None = None
    head: str = GENESIS
    seal_start: str = GENESIS  # the hash that the current seal's first row follows
    pending: list[tuple[str, Record]] = field(
        default_factory=list
    )  # rows since the last seal, with their keys
    last_seal: Seal | None = None
    rows: int = 0
    seals: int = 0
    first_day: str = ""
    last: str = ""  # ID of the last row sealed on the last seal's day
    ids: set[str] = field(default_factory=set)
    noted_heads: int = 0  # seals that end with the noted hash
    versions: set[str] = field(default_factory=set)
    cost: int = 0
    unpriced: int = 0
    cost_by_key: dict[str, int] = field(default_factory=dict)

    def add(self, value: dict[str, Any]) -> None:
        """Verify a line's object. Raise InvalidLedger."""
        if self.header is None:
            self._add_header(value)
        elif "hash" in value:
            self._add_row(value)
        else:
            self._add_seal(value)

    def finish(self) -> None:
        """Verify that nothing is missing at the end of the file. Raise InvalidLedger."""
        if self.header is None:
            raise InvalidLedger("the file", "is empty")
        if self.pending:
            raise InvalidLedger("the file", f"ends before the seal of its last {len(self.pending)} rows")
        if (self.seals, self.rows) != (self.header.seals, self.header.rows) or self.head != self.header.head:
            raise InvalidLedger(
                "the file",
                f"ends after {self.rows} rows and {self.seals} seals, but its header states"
                f" {self.header.rows} rows and {self.header.seals} seals",
            )
        if self.versions != set(self.header.price_versions):
            raise InvalidLedger("the header", "states other price versions than the rows have")
        if self.noted_head is not None and not self.noted_heads:
            raise InvalidLedger("the file", f"no seal ends with the noted head {self.noted_head}")

    def _add_header(self, value: dict[str, Any]) -> None:
        if value.get("format") != FORMAT or value.get("version") != VERSION:
            raise InvalidLedger("the header", f"is not that of a {FORMAT} file of version {VERSION}")
        header = lines.parse_header(value)
        if self.expected_key is not None and header.public_key != self.expected_key:
            raise InvalidLedger("the header", f"is signed by {header.public_key}, not by {self.expected_key}")
        if not is_signed_by(header.public_key, header.unsigned(), header.signature):
            raise InvalidLedger("the header", "does not match its signature")
        self.header, self.head, self.seal_start = header, header.previous, header.previous

    def _add_row(self, value: dict[str, Any]) -> None:
        digest, subject = value.pop("hash"), str(value.get("id"))[:80]
        if chain_hash(self.head, value) != digest:
            raise InvalidLedger(
                subject,
                "does not follow the row before it: one was changed, or rows between are missing",
            )
        key, record = lines.parse_record(value, subject)
        if subject in self.ids:
            raise InvalidLedger(subject, "appears twice")
        if (error := self.prices.check(record)) is not None:
            raise InvalidLedger(subject, error)
        self.ids.add(subject)
        self.pending.append((key, record))
        self.head = digest

    def _add_seal(self, value: dict[str, Any]) -> None:
        seal = lines.parse_seal(value)
        subject = f"seal {seal.id}"
        if self.header is None or not is_signed_by(self.header.public_key, seal.unsigned(), seal.signature):
            raise InvalidLedger(subject, "does not match its signature by the ledger's key")
        if (error := self._check_order(seal) or self._check_rows(seal)) is not None:
            raise InvalidLedger(subject, error)
        for _, record in self.pending:
            self._add_cost(record)
        self.versions |= set(seal.price_versions)
        is_same_day = self.last_seal is not None and self.last_seal.day == seal.day
        self.last = seal.last or (self.last if is_same_day else "")
        self.last_seal, self.seal_start = seal, seal.head
        self.rows, self.seals = self.rows + seal.count, self.seals + 1
        self.first_day = self.first_day or seal.day
        self.noted_heads += seal.head == self.noted_head
        self.pending = []

    def _check_order(self, seal: Seal) -> str | None:
        """Return an error if the seal is not the one after the last."""
        if seal.previous != self.seal_start:
            return "does not begin where the seal before it ends: a seal is missing or out of order"
        before = self.last_seal
        if before is None:
            return None
        follows = (
            seal.number == before.number + 1
            if seal.day == before.day
            else seal.day > before.day and seal.number == 1
        )
        return None if follows else f"cannot come after seal {before.id}"

    def _check_rows(self, seal: Seal) -> str | None:
        """Return an error if the seal states other rows than those before it."""
        keys = [key for key, _ in self.pending]
        late, timely = keys[: len(seal.late)], keys[len(seal.late) :]
        if seal.count != len(keys) or seal.head != self.head:
            return f"covers {seal.count} rows that end with {seal.head}, but {len(keys)} rows precede it"
        ends = (row_key(seal.day, seal.first), row_key(seal.day, seal.last)) if seal.first else None
        if late != list(seal.late) or ((timely[0], timely[-1]) if timely else None) != ends:
            return "states other rows than those before it"
        after = self.last if self.last_seal is not None and self.last_seal.day == seal.day else ""
        if timely != sorted(set(timely)) or (timely and timely[0] <= row_key(seal.day, after)):
            return "covers rows that are not in the order in which they ended"
        if {record.price_version for _, record in self.pending} != set(seal.price_versions):
            return "states other price versions than its rows have"
        return None

    def _add_cost(self, record: Record) -> None:
        if record.cost is None:
            self.unpriced += 1
            return
        self.cost += record.cost
        self.cost_by_key[record.key] = self.cost_by_key.get(record.key, 0) + record.cost

    def report(self, problem: LedgerProblem | None) -> VerificationReport:
        """Return the report of everything up to a problem."""
        header, seal = self.header, self.last_seal
        return VerificationReport(
            problem=problem,
            public_key=header.public_key if header else "",
            rows=self.rows,
            seals=self.seals,
            first_day=self.first_day,
            last_day=seal.day if seal else "",
            whole=header is not None and header.previous == GENESIS,
            head=seal.head if seal else self.seal_start,
            cost=self.cost,
            unpriced=self.unpriced,
            cost_by_key=self.cost_by_key,
            notes=tuple(self.prices.notes),
        )
