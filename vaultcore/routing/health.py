"""Circuit breakers and reported quotas of provider keys and hosts, for this process.

A circuit opens after failures in a row and closes at the first success. While it is open, its key or host is
in cooldown: other candidates are tried first. After the cooldown, or if no other candidate is left, one
request at a time may probe it. A cooldown that the provider itself asked for (`Retry-After`) allows no probe.
All of this is advisory; limits that must hold are in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from vaultcore.errors import Fault, UpstreamError
from vaultcore.lazy_dataclass import dataclass
from vaultcore.routing.candidate import Candidate
from vaultcore.vault.keyring import Credential

if TYPE_CHECKING:
    from vaultcore.routing.quota import Quota, ReportedQuota


CLOCK_TOLERANCE = 0.02  # seconds by which a sleep may end early when measured by another clock


@dataclass(slots=True)
class Circuit:
    """One circuit. It is closed while `failures` is under the threshold."""

    failures: int = 0
    is_open: bool = False
    open_until: float = 0.0  # seconds since the epoch
    probe_forbidden: bool = False  # until `open_until`
    prober: object | None = None  # the attempt that probes it now
    fault: Fault | None = None

    def cooldown(self, now: float) -> float:
        """Return the remaining cooldown in seconds; 0 if the owner may be tried like any other."""
        if not self.is_open:
            return 0.0
        remaining = self.open_until - now
        return max(remaining, 0.001) if self.prober is not None else max(remaining, 0.0)

    def open(self, until: float, *, probe_forbidden: bool) -> None:
        """Open the circuit until a time, seconds since the epoch."""
        self.is_open, self.open_until, self.probe_forbidden = True, until, probe_forbidden


@dataclass(frozen=True, slots=True)
class Cooldowns:
    """Lengths of cooldowns in seconds, and what opens a circuit. `threshold` 0 switches breakers off."""

    threshold: int = 5  # host failures in a row
    host: float = 10.0
    rejected_key: float = 300.0
    rate_limit: float = 1.0  # without a Retry-After
    longest: float = 3_600.0  # even if a provider asks for more


def _ignore(_provider: str) -> None:
    return


@dataclass(slots=True)
class Health:
    """The circuits of all keys and hosts. `on_open` receives the provider's name whenever one opens."""

    cooldowns: Cooldowns = Cooldowns()
    on_open: Callable[[str], None] = _ignore
    _keys: dict[str, Circuit] = field(default_factory=dict)
    _hosts: dict[str, Circuit] = field(default_factory=dict)
    _quotas: dict[str, Quota | ReportedQuota] = field(default_factory=dict)

    def cooldown(self, candidate: Candidate, now: float) -> tuple[float, Fault]:
        """Return the candidate's remaining cooldown in seconds (0: none), and the fault that caused it."""
        key = self._keys.get(candidate.credential.id)
        host = self._hosts.get(candidate.target.provider.name)
        if (key is None or not key.is_open) and (host is None or not host.is_open):
            return 0.0, Fault.HOST
        key, host = self._circuits(candidate)
        longer = key if key.cooldown(now) >= host.cooldown(now) else host
        return longer.cooldown(now), longer.fault or Fault.HOST

    def begin(self, candidate: Candidate, attempt: object, now: float) -> bool:
        """Start an attempt. Return False if another attempt is probing, or if no probe is allowed yet."""
        key, host = self._circuits(candidate)
        if not (key.is_open or host.is_open):
            return True
        circuits = [circuit for circuit in (key, host) if circuit.is_open]
        for circuit in circuits:
            blocked = circuit.probe_forbidden and circuit.open_until > now + CLOCK_TOLERANCE
            if circuit.prober is not None or blocked:
                return False
        for circuit in circuits:
            circuit.prober = attempt
        return True

    def record_success(self, candidate: Candidate, attempt: object) -> None:
        """End an attempt that succeeded: close both circuits."""
        for circuit in self._circuits(candidate):
            if circuit.prober is attempt:
                circuit.prober = None
            circuit.failures, circuit.is_open, circuit.probe_forbidden, circuit.fault = 0, False, False, None

    def record_failure(self, candidate: Candidate, attempt: object, error: UpstreamError, now: float) -> None:
        """End an attempt that failed: count the failure against the key or the host.

        Faults of the request itself count against neither.
        """
        self.release(candidate, attempt)
        if self.cooldowns.threshold == 0:
            return
        key, host = self._circuits(candidate)
        match error.fault:
            case Fault.KEY:
                self._notify(key, candidate, now)
                key.fault = error.fault
                key.open(now + self.cooldowns.rejected_key, probe_forbidden=False)
            case Fault.RATE:
                retry_after = error.retry_after
                key.fault = error.fault
                wait = self.cooldowns.rate_limit if retry_after is None else retry_after
                until = now + min(wait, self.cooldowns.longest)
                key.open(until, probe_forbidden=retry_after is not None)
            case Fault.HOST:
                host.failures += 1
                if host.failures >= self.cooldowns.threshold:
                    self._notify(host, candidate, now)
                    host.fault = error.fault
                    host.open(now + self.cooldowns.host, probe_forbidden=False)
            case _:
                pass

    def release(self, candidate: Candidate, attempt: object) -> None:
        """End an attempt without a verdict: the next one may probe."""
        for circuit in self._circuits(candidate):
            if circuit.prober is attempt:
                circuit.prober = None

    def record_quota(self, credential: Credential, quota: Quota | ReportedQuota) -> None:
        """Store the quota that a provider's headers reported for a key."""
        self._quotas[credential.id] = quota

    def by_quota(self, credentials: Sequence[Credential], now: float) -> Sequence[Credential]:
        """Return keys by remaining quota, most first. An unreported quota counts as full; ties keep order."""
        if len(credentials) < 2:
            return credentials
        return sorted(credentials, key=lambda credential: -self._share(credential, now))

    def report(self, now: float) -> dict[str, dict[str, dict[str, object]]]:
        """Return the body of /admin/health: failed circuits and reported quotas, by key and provider."""
        return {
            "keys": {key: _circuit_json(circuit, now) for key, circuit in self._keys.items()},
            "providers": {name: _circuit_json(circuit, now) for name, circuit in self._hosts.items()},
            "quotas": {key: {"left": round(quota.share(now), 4)} for key, quota in self._quotas.items()},
        }

    def _notify(self, circuit: Circuit, candidate: Candidate, now: float) -> None:
        if not circuit.is_open or circuit.open_until <= now:
            self.on_open(candidate.target.provider.name)

    def _share(self, credential: Credential, now: float) -> float:
        quota = self._quotas.get(credential.id)
        return 1.0 if quota is None else quota.share(now)

    def _circuits(self, candidate: Candidate) -> tuple[Circuit, Circuit]:
        key_id, host_name = candidate.credential.id, candidate.target.provider.name
        key, host = self._keys.get(key_id), self._hosts.get(host_name)
        if key is None:
            key = self._keys[key_id] = Circuit()
        if host is None:
            host = self._hosts[host_name] = Circuit()
        return key, host


def _circuit_json(circuit: Circuit, now: float) -> dict[str, object]:
    state = "closed" if not circuit.is_open else "open" if circuit.open_until > now else "half-open"
    reason = circuit.fault.name.lower() if circuit.fault else None
    return {
        "state": state,
        "failures": circuit.failures,
        "rests": round(circuit.cooldown(now), 3),  # seconds; the name is part of the admin API
        "reason": reason,
    }
