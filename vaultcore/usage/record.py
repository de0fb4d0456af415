"""What is kept of a request: ids, counts, times and money; never what was asked or answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

Flag = Literal["estimated", "clamped", "broken", "unpriced"]


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt at a provider."""

    provider: str
    model: str
    key_id: str  # of the provider's key
    status: int | None  # the provider's answer; None where none came
    ms: float
    fault: str | None = None
    began_ms: int | None = None  # after the request was taken; None in rows of before this was kept


@dataclass(frozen=True, slots=True)
class Record:
    """A request that was let in. Times are seconds since 1970, durations milliseconds, costs nano-dollars."""

    id: str
    key: str  # the virtual key's id, or "system"
    at: float  # when it began
    ended: float
    path: str
    model: str  # as asked for
    status: int  # as the client saw it; 499: it went away
    owner: str | None = None
    code: str | None = None  # of the error
    stream: bool = False
    provider: str | None = None
    served: str | None = None  # the provider's name of the model that answered
    attempts: Sequence[Tried] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0  # of the prompt's
    reasoning_tokens: int = 0  # of the completion's
    cost: int | None = None  # None: its price is not known
    price_version: str = ""
    price: Mapping[str, Any] = field(default_factory=dict)  # what `cost` is made of: usage/cost.py, applied
    ms: float = 0.0
    first_ms: float | None = None  # until the first piece of a stream
    changes: int = 0  # of the translation
    flags: Sequence[Flag] = ()
    replayed: bool = False

    def pack(self) -> dict[str, Any]:
        packed = {each.name: getattr(self, each.name) for each in fields(self)}
        tried = [{each.name: getattr(one, each.name) for each in fields(one)} for one in self.attempts]
        return {**packed, "attempts": tried, "price": dict(self.price), "flags": list(self.flags)}

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> Record:
        """What a newer version has added to a row is left out: both run while one replaces the other."""
        tried = tuple(Tried(**_known(Tried, one)) for one in packed["attempts"])
        return cls(**{**_known(cls, packed), "attempts": tried, "flags": tuple(packed["flags"])})


def _known(kind: type[Record | Tried], packed: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name: packed[each.name] for each in fields(kind) if each.name in packed}
