"""One refused request, and the sums of a key's refusals on a day. Pure: the collector does the writing.

The document of a key's sums:

    {"owner": "me",
     "codes": {"rate_limit_exceeded": {"status": 429, "count": 3, "models": {"gpt-4o": 2, "unknown": 1},
                                       "first": 1795348800.0, "last": 1795348890.0, "ids": ["..."]}},
     "rows": ["1795348800000000-..."],       IDs of the rows of the first requests
     "writers": {"9f86d081": 4}}             the last batch of each process that is in the sums

A process numbers its batches. If the result of a write is unknown, it looks for the number in `writers`,
so that every refusal counts exactly once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from vaultcore.errors import LimitShortage
from vaultcore.lazy_dataclass import dataclass
from vaultcore.store.base import Put
from vaultcore.store.refusal_documents import refusal_row_key
from vaultcore.usage.record import Record
from vaultcore.wire import Json

ROWS_PER_DAY = 20  # refused requests of a key that get a row of their own
MAX_MODELS = 32  # model names counted separately in the sums of a code
MAX_IDS = 20  # request IDs in the sums of a code, the last ones
MAX_WRITERS = 32  # processes whose last batch a document names
MAX_NAME = 256  # characters of a model name in a row
UNKNOWN = "unknown"  # the model name of requests to other models, and of requests that were not read
STATUSES = frozenset({402, 403, 404, 429})  # of refusals


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused request of an authenticated key."""

    id: str  # request ID
    at: float  # seconds since the epoch
    key: str  # ID of the virtual key, or "system"
    owner: str | None
    path: str
    status: int
    code: str
    model: str = ""  # as requested, redacted; "" if the request was not read
    counted_model: str = UNKNOWN  # a name of the catalog or a route, else UNKNOWN
    shortage: LimitShortage | None = None  # of 402 and 429
    retry_after: int | None = None  # seconds

    def row(self, retention: float) -> Put:
        """Return the document of this refusal: a usage record without usage, and why it was refused."""
        record = Record(
            id=self.id,
            key=self.key,
            owner=self.owner,
            at=self.at,
            ended=self.at,
            path=self.path,
            model=self.model[:MAX_NAME],
            status=self.status,
            code=self.code,
            cost=0,
        )
        body = {
            **record.pack(),
            "refusal": {**_shortage_json(self.shortage), "retry_after": self.retry_after},
        }
        return Put(refusal_row_key(self.at, self.id), body, expires=self.at + retention)


@dataclass(slots=True)
class CodeSums:
    """The sums of one error code."""

    status: int
    count: int = 0
    models: dict[str, int] = field(default_factory=dict)
    first: float = float("inf")  # seconds since the epoch
    last: float = 0.0  # seconds since the epoch
    ids: list[str] = field(default_factory=list)  # the last MAX_IDS request IDs

    def add(self, other: CodeSums) -> None:
        """Add later refusals."""
        self.count += other.count
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.ids = [*self.ids, *other.ids][-MAX_IDS:]
        for model, count in other.models.items():
            is_separate = model in self.models or len(self.models.keys() - {UNKNOWN}) < MAX_MODELS
            name = model if is_separate else UNKNOWN
            self.models[name] = self.models.get(name, 0) + count

    def pack(self) -> Json:
        """Return the sums as they are stored."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> CodeSums:
        """Return stored sums. Fields of a newer version are ignored."""
        return cls(**{name: packed[name] for name in cls.__slots__ if name in packed})


@dataclass(slots=True)
class RefusalBatch:
    """Refusals of one key on one day that are not in the store yet."""

    owner: str | None = None
    codes: dict[str, CodeSums] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)  # the first ones

    def count(self, refusal: Refusal) -> None:
        """Add one refusal."""
        self.count_anonymous(refusal)
        self.owner = refusal.owner
        if len(self.refusals) < ROWS_PER_DAY:
            self.refusals.append(refusal)

    def count_anonymous(self, refusal: Refusal) -> None:
        """Add one refusal to the sums only."""
        ids = [refusal.id] if refusal.id else []
        one = CodeSums(refusal.status, 1, {refusal.counted_model: 1}, refusal.at, refusal.at, ids)
        self.codes.setdefault(refusal.code, CodeSums(refusal.status)).add(one)

    def add(self, other: RefusalBatch) -> None:
        """Add a later batch of the same key and day."""
        for code, sums in other.codes.items():
            self.codes.setdefault(code, CodeSums(sums.status)).add(sums)
        self.owner = other.owner or self.owner
        self.refusals = [*self.refusals, *other.refusals][:ROWS_PER_DAY]

    def new_rows(self, body: Mapping[str, Any], retention: float) -> list[Put]:
        """Return the rows to write with this batch, if the sums in the store are `body`."""
        free = max(0, ROWS_PER_DAY - len(body.get("rows", ())))
        return [refusal.row(retention) for refusal in self.refusals[:free]]

    def merged_into(self, body: Mapping[str, Any], rows: list[Put], writer: tuple[str, int]) -> Json:
        """Return the sums in the store, `body`, with this batch added."""
        codes = {code: CodeSums.unpack(packed) for code, packed in body.get("codes", {}).items()}
        for code, sums in self.codes.items():
            codes.setdefault(code, CodeSums(sums.status)).add(sums)
        name, number = writer
        others = {key: value for key, value in body.get("writers", {}).items() if key != name}
        return {
            "owner": self.owner or body.get("owner"),
            "codes": {code: sums.pack() for code, sums in codes.items()},
            "rows": [*body.get("rows", ()), *(row.key.id for row in rows)],
            "writers": dict([*others.items(), (name, number)][-MAX_WRITERS:]),
        }


def _shortage_json(shortage: LimitShortage | None) -> Json:
    if shortage is None:
        return {}
    return {
        "level": shortage.level,
        "limit": shortage.limit,
        "most": shortage.most,
        "remaining": shortage.remaining,
        "needed": shortage.needed,
    }
