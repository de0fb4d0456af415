"""Limits beyond a single key, of owners and of the whole gateway, and the marks that there are alerts at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vaultcore.limits.limits import MARKS, Limits


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    gateway: Limits = field(default_factory=Limits)
    owners: Mapping[str, Limits] = field(default_factory=dict)
    marks: tuple[int, ...] = MARKS

    def pack(self) -> dict[str, Any]:
        owners = {name: limits.pack() for name, limits in self.owners.items()}
        return {"gateway": self.gateway.pack(), "owners": owners, "marks": list(self.marks)}

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> LimitPolicy:
        owners = {name: Limits.unpack(limits) for name, limits in packed["owners"].items()}
        marks = tuple(packed.get("marks", MARKS))  # older documents have none
        return cls(Limits.unpack(packed["gateway"]), owners, marks)
