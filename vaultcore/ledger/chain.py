"""The hash chain: each record's hash covers the hash before it. docs/ledger.md defines the format."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import field, fields
from typing import Any

from vaultcore.lazy_dataclass import dataclass

GENESIS = "0" * 64  # the previous hash of a ledger's first row
FORMAT, VERSION = "vaultedge-ledger", 1  # in the header of an export


def canonical_json(value: Mapping[str, Any]) -> str:
    """Return a JSON object in its only valid spelling: sorted names, no spaces, ASCII.

    Raise ValueError for NaN and infinite numbers.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def chain_hash(previous: str, record: Mapping[str, Any]) -> str:
    """Return the hash of a record that follows the hash `previous`, in hex."""
    return hashlib.sha256(f"{previous}{canonical_json(record)}".encode()).hexdigest()


def row_key(day: str, id: str) -> str:
    """Return a row's key as seals contain it: the day of its collection and its ID there."""
    return f"{day}/{id}"


@dataclass(frozen=True, slots=True)
class Seal:
    """A signed range of rows: late rows first, then rows of its day in order.

    The field names are part of the ledger's format.
    """

    day: str
    number: int  # of the day's seals, from 1
    first: str  # ID of the first row of the day; empty if all rows are late
    last: str  # ID of the last row of the day
    count: int  # of rows, late ones included
    late: Sequence[str]  # keys of rows that appeared in a range that was sealed already
    previous: str  # the hash that the first row follows
    head: str  # the hash of the last row
    price_versions: Sequence[str]
    sealed_at: float  # seconds since the epoch
    signature: str = ""

    def unsigned(self) -> dict[str, Any]:
        """Return the object that the signature is made over."""
        packed = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "signature"}
        return {**packed, "late": list(self.late), "price_versions": list(self.price_versions)}

    def pack(self) -> dict[str, Any]:
        """Return the seal as a JSON object."""
        return {**self.unsigned(), "signature": self.signature}

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> Seal:
        """Return the seal of a JSON object."""
        return cls(**packed)

    @property
    def id(self) -> str:
        """Return the ID of the seal's document: `2026-11-22/000001`."""
        return f"{self.day}/{self.number:06d}"


@dataclass(frozen=True, slots=True)
class StoredSeal:
    """A seal as the store has it: with the key and hash of every row, so that a changed row can be named."""

    seal: Seal
    rows: Sequence[tuple[str, str]] = field(repr=False)

    def pack(self) -> dict[str, Any]:
        """Return the stored seal as a JSON object."""
        return {"seal": self.seal.pack(), "rows": [list(row) for row in self.rows]}

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> StoredSeal:
        """Return the stored seal of a JSON object."""
        return cls(Seal.unpack(packed["seal"]), tuple((key, digest) for key, digest in packed["rows"]))
