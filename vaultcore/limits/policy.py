"""Limits of owners and of the whole gateway, and the default alert thresholds.

Stored as one signed document: `{"gateway": limits, "owners": {name: limits}, "marks": [80, 100]}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from vaultcore.lazy_dataclass import dataclass
from vaultcore.limits.limits import DEFAULT_THRESHOLDS, Limits


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """Limits above those of a single key."""

    gateway: Limits = field(default_factory=Limits)
    owners: Mapping[str, Limits] = field(default_factory=dict)
    thresholds: tuple[int, ...] = DEFAULT_THRESHOLDS  # per cent, ascending
    version: int = field(default=0, compare=False)  # of the stored document; 0: none

    def pack(self) -> dict[str, Any]:
        """Return the policy as it is stored."""
        owners = {name: limits.pack() for name, limits in self.owners.items()}
        return {"gateway": self.gateway.pack(), "owners": owners, "marks": list(self.thresholds)}

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> LimitPolicy:
        owners = {name: Limits.unpack(limits) for name, limits in packed["owners"].items()}
        thresholds = tuple(packed.get("marks", DEFAULT_THRESHOLDS))  # older documents have no "marks"
        return cls(Limits.unpack(packed["gateway"]), owners, thresholds)
