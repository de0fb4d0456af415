"""The time by which accounts are calculated: it does not follow when the clock of the machine is set."""

from __future__ import annotations

from vaultcore.clock import Clock
from vaultcore.lazy_dataclass import dataclass


@dataclass(slots=True)
class MachineTime:
    """Seconds since the epoch that pass like the machine's uptime, from one agreed moment on."""

    clock: Clock
    base: float  # seconds since the epoch at which the machine's uptime was 0

    @classmethod
    def start(cls, clock: Clock) -> MachineTime:
        """Return a time that agrees with the clock now."""
        return cls(clock, clock.now() - clock.monotonic())

    def now(self) -> float:
        """Return the time."""
        return self.base + self.clock.monotonic()
