"""One circuit breaker: the state of a provider's key or host."""

from __future__ import annotations

from vaultcore.errors import Fault
from vaultcore.lazy_dataclass import dataclass

CLOCK_TOLERANCE = 0.02  # seconds by which a sleep may end early when measured by another clock


@dataclass(slots=True)
class Circuit:
    """One circuit. It is closed while `failures` is under the threshold."""

    failures: int = 0
    is_open: bool = False
    open_until: float = 0.0  # seconds since the epoch
    probe_forbidden: bool = False  # until `open_until`
    prober: object | None = None  # the attempt that probes it now; the number of another worker that does
    fault: Fault | None = None

    def cooldown(self, now: float) -> float:
        """Return the remaining cooldown in seconds; 0 if the owner may be tried like any other."""
        if not self.is_open:
            return 0.0
        remaining = self.open_until - now
        return max(remaining, 0.001) if self.prober is not None else max(remaining, 0.0)

    def rejects_probe(self, now: float) -> bool:
        """Return True if another attempt probes the open circuit, or if no probe is allowed yet."""
        is_blocked = self.probe_forbidden and self.open_until > now + CLOCK_TOLERANCE
        return self.prober is not None or is_blocked

    def open(self, until: float, *, probe_forbidden: bool) -> None:
        """Open the circuit until a time, seconds since the epoch."""
        self.is_open, self.open_until, self.probe_forbidden = True, until, probe_forbidden

    def close(self) -> None:
        """Close the circuit after a success."""
        self.failures, self.is_open, self.probe_forbidden, self.fault = 0, False, False, None

    def as_json(self, now: float) -> dict[str, object]:
        """Return the circuit's entry in the body of /admin/health."""
        state = "closed" if not self.is_open else "open" if self.open_until > now else "half-open"
        reason = self.fault.name.lower() if self.fault else None
        return {
            "state": state,
            "failures": self.failures,
            "rests": round(self.cooldown(now), 3),  # seconds; the name is part of the admin API
            "reason": reason,
        }
