"""The record of a request: IDs, counts, times and money, never prompts or responses.

The field names are stored, and are part of the ledger's format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, fields
from typing import Any, Literal

from vaultcore.lazy_dataclass import dataclass

# `clamped` is in records of older versions only.
Flag = Literal["estimated", "clamped", "broken", "unpriced", "implausible", "cut_off"]


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt at a provider."""

    provider: str
    model: str
    key_id: str  # of the provider key
    status: int | None  # HTTP status of the provider; None without a response
    ms: float  # duration
    fault: str | None = None
    began_ms: int | None = None  # after the request's start; None in rows of versions without this field

    def pack(self) -> dict[str, Any]:
        """Return the attempt as a JSON object."""
        return {
            "provider": self.provider,
            "model": self.model,
            "key_id": self.key_id,
            "status": self.status,
            "ms": self.ms,
            "fault": self.fault,
            "began_ms": self.began_ms,
        }


@dataclass(slots=True)
class Record:
    """One request. Times are seconds since the epoch, durations milliseconds, costs nano-dollars.

    Not frozen: creating a frozen one of 32 fields takes three times as long. Nothing changes one.
    """

    id: str
    key: str  # ID of the virtual key, or "system"
    at: float  # start
    ended: float
    path: str
    model: str  # as requested
    status: int  # HTTP status sent to the client; 499: the client disconnected
    owner: str | None = None
    code: str | None = None  # of the error
    stream: bool = False
    provider: str | None = None
    served: str | None = None  # name at the provider of the model that responded
    attempts: Sequence[AttemptRecord] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0  # of the prompt tokens
    reasoning_tokens: int = 0  # of the completion tokens
    cost: int | None = None  # None: the price is unknown
    price_version: str = ""
    price: Mapping[str, Any] = field(default_factory=dict)  # see usage.cost.price_detail
    ms: float = 0.0
    first_ms: float | None = None  # until the first chunk of a stream
    changes: int = 0  # translation changes
    flags: Sequence[Flag] = ()
    replayed: bool = False
    plan: Mapping[str, Any] = field(default_factory=dict)  # how it was routed: see routing.decision
    sums: str = ""  # "sealed": the ledger adds it to the sums of its day; "": its settlement has added it
    reported_usage: Mapping[str, int | str] | None = None  # with the flag `implausible`: not charged

    def pack(self) -> dict[str, Any]:
        """Return the record as a JSON object."""
        # Written out: a loop over the fields takes four times as long, and every request is packed.
        packed: dict[str, Any] = {
            "id": self.id,
            "key": self.key,
            "at": self.at,
            "ended": self.ended,
            "path": self.path,
            "model": self.model,
            "status": self.status,
            "owner": self.owner,
            "code": self.code,
            "stream": self.stream,
            "provider": self.provider,
            "served": self.served,
            "attempts": [each.pack() for each in self.attempts],
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cached_tokens": self.cached_tokens,
            "reasoning_tokens": self.reasoning_tokens,
            "cost": self.cost,
            "price_version": self.price_version,
            "price": dict(self.price),
            "ms": self.ms,
            "first_ms": self.first_ms,
            "changes": self.changes,
            "flags": list(self.flags),
            "replayed": self.replayed,
        }
        if self.plan:
            packed["plan"] = self.plan
        if self.sums:
            packed["sums"] = self.sums
        if self.reported_usage:
            packed["reported_usage"] = self.reported_usage
        return packed

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> Record:
        """Return the record of a JSON object. Fields of a newer version, which may run too, are ignored."""
        attempts = tuple(AttemptRecord(**_own_fields(AttemptRecord, one)) for one in packed["attempts"])
        return cls(**{**_own_fields(cls, packed), "attempts": attempts, "flags": tuple(packed["flags"])})


def _own_fields(cls: type[Record | AttemptRecord], packed: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name: packed[each.name] for each in fields(cls) if each.name in packed}
