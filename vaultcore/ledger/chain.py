"""The chain: every record's hash covers the one before it. Its format is told in docs/ledger.md."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

GENESIS = "0" * 64  # what the first row of a ledger follows
FORMAT, VERSION = "vaultedge-ledger", 1


def canonical(value: Mapping[str, Any]) -> str:
    """The one spelling of a JSON object: sorted names, no spaces, ASCII. Raises ValueError for NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def follow(previous: str, record: Mapping[str, Any]) -> str:
    """The hash of a record behind another one."""
    return hashlib.sha256(f"{previous}{canonical(record)}".encode()).hexdigest()


def named(day: str, entry: str) -> str:
    """A row's place, as seals tell it: the day of its shelf, and its entry there."""
    return f"{day}/{entry}"


@dataclass(frozen=True, slots=True)
class Seal:
    """What one sealing covers: its late rows first, then those of its day, in order."""

    day: str
    number: int  # of the day's seals, from 1
    first: str  # entries of the day's shelf; empty where all rows are late
    last: str
    count: int  # of rows, late ones too
    late: Sequence[str]  # places that appeared behind what had been sealed already
    previous: str  # the hash that the first row follows
    head: str  # the hash of the last row
    price_versions: Sequence[str]
    sealed_at: float
    signature: str = ""

    def unsigned(self) -> dict[str, Any]:
        """What the signature is of."""
        packed = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "signature"}
        return {**packed, "late": list(self.late), "price_versions": list(self.price_versions)}

    def pack(self) -> dict[str, Any]:
        return {**self.unsigned(), "signature": self.signature}

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> Seal:
        return cls(**packed)

    @property
    def entry(self) -> str:
        """Where it is kept on its shelf, and what it is called."""
        return f"{self.day}/{self.number:06d}"


@dataclass(frozen=True, slots=True)
class Kept:
    """A seal as the store has it: with its rows' places and hashes, so that a change of one can be named."""

    seal: Seal
    rows: Sequence[tuple[str, str]] = field(repr=False)

    def pack(self) -> dict[str, Any]:
        return {"seal": self.seal.pack(), "rows": [list(row) for row in self.rows]}

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> Kept:
        return cls(Seal.unpack(packed["seal"]), tuple((place, digest) for place, digest in packed["rows"]))
