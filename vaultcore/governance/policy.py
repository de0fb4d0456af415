"""Limits beyond a single key: of everything an owner's keys use together, and of the whole gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vaultcore.governance.limits import Limits


@dataclass(frozen=True, slots=True)
class Policy:
    gateway: Limits = field(default_factory=Limits)
    owners: Mapping[str, Limits] = field(default_factory=dict)

    def pack(self) -> dict[str, Any]:
        owners = {name: limits.pack() for name, limits in self.owners.items()}
        return {"gateway": self.gateway.pack(), "owners": owners}

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> Policy:
        owners = {name: Limits.unpack(limits) for name, limits in packed["owners"].items()}
        return cls(Limits.unpack(packed["gateway"]), owners)
