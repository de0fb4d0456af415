"""The record of a request: IDs, counts, times and money, never prompts or responses.

The field names are stored, and are part of the ledger's format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

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


@dataclass(frozen=True, slots=True)
class Record:
    """One request. Times are seconds since the epoch, durations milliseconds, costs nano-dollars."""

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
        packed = {each.name: getattr(self, each.name) for each in fields(self)}
        attempts = [{each.name: getattr(one, each.name) for each in fields(one)} for one in self.attempts]
        for name in ("reported_usage", "plan", "sums"):
            if not packed[name]:
                del packed[name]
        return {**packed, "attempts": attempts, "price": dict(self.price), "flags": list(self.flags)}

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> Record:
        """Return the record of a JSON object. Fields of a newer version, which may run too, are ignored."""
        attempts = tuple(AttemptRecord(**_own_fields(AttemptRecord, one)) for one in packed["attempts"])
        return cls(**{**_own_fields(cls, packed), "attempts": attempts, "flags": tuple(packed["flags"])})


def _own_fields(cls: type[Record | AttemptRecord], packed: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name: packed[each.name] for each in fields(cls) if each.name in packed}
