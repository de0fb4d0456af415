"""How far the ledger has come: up to which row everything is sealed, and up to which usage is in the sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import date, timedelta
from typing import Any

from vaultcore.lazy_dataclass import dataclass
from vaultcore.ledger.chain import GENESIS
from vaultcore.store.base import ABSENT, Conflict, DocumentKey, Put, Store

POSITION = DocumentKey("ledger")
SUMS = DocumentKey("ledger", "sums")


@dataclass(frozen=True, slots=True)
class SealingPosition:
    """The row up to which everything is sealed. The field names are stored."""

    day: str
    swept: float  # time of the last look back, seconds since the epoch
    last: str = ""  # ID of the row in its day's collection
    number: int = 0  # of the day's seals
    head: str = GENESIS

    def pack(self) -> dict[str, Any]:
        """Return the position as a JSON object."""
        return asdict(self)

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> SealingPosition:
        """Return the position of a JSON object."""
        return cls(**packed)


@dataclass(frozen=True, slots=True)
class SumsPosition:
    """The seal up to which the usage of rows is in the sums of days. The field names are stored.

    The rows of some seals are added as one batch. A batch with many sums takes several writes, in the order
    of the sums' names: `added` then is the last one written.
    """

    seal: str  # ID of the last seal whose rows are in the sums
    row: str  # key of the last row in order: usage of rows after it is not in the sums
    batch_seal: str = ""  # ID of the last seal of the batch that is being added; empty if there is none
    batch_row: str = ""  # key of the last row in order of the batch
    added: str = ""  # name of the last sum of the batch that is written

    @property
    def day(self) -> str:
        """Return the first day that may have rows whose usage is not in the sums; empty for any day."""
        return self.row.partition("/")[0]

    def has_added(self, row: str, sum_name: str) -> bool:
        """Return True if the sum with this name contains a row with this key."""
        return row <= self.row or (row <= self.batch_row and sum_name <= self.added)

    def pack(self) -> dict[str, Any]:
        """Return the position as a JSON object, without empty fields."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> SumsPosition:
        """Return the position of a JSON object. Fields of a later version are ignored."""
        return cls(**{each.name: packed.get(each.name, "") for each in fields(cls)})


def sum_name(key: DocumentKey) -> str:
    """Return the name of a sum's document, by which a batch is ordered."""
    return f"{key.collection}/{key.id}"


def days_before(day: str, days: int) -> str:
    """Return the day that is `days` days before another one."""
    return (date.fromisoformat(day) - timedelta(days)).isoformat()


async def read_sums_position(store: Store) -> tuple[SumsPosition, int]:
    """Return the position of the sums and the version of its document.

    Before the first position is written, it is the day before the sealing position's: until then, settlements
    have added all usage to the sums themselves.
    """
    sums, sealing = await store.get(SUMS, POSITION)
    if sums is not None:
        return SumsPosition.unpack(sums.body), sums.version
    day = "" if sealing is None else days_before(SealingPosition.unpack(sealing.body).day, 1)
    start = f"{day}/" if day else ""
    return SumsPosition(start, start), ABSENT


async def begin_sums(store: Store) -> None:
    """Write the first position of the sums, unless there is one. Rows are sealed only after that."""
    position, version = await read_sums_position(store)
    if version == ABSENT:
        try:
            await store.write(Put(SUMS, position.pack(), version=ABSENT))
        except Conflict:
            return  # another sealer has written it
