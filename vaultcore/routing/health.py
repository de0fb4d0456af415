"""What is known of each provider key and each provider: whether its circuit is open, and the quota left.

A circuit opens after failures in a row and closes at the first success. While it is open its owner rests:
others are tried before it. Once the rest is over, and also where nothing else is left to try, one request
at a time may probe it. A rest that the provider itself asked for (`Retry-After`) is firm: nobody probes.
Advisory and per process; limits that must hold live in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vaultcore.errors import Fault, UpstreamError
from vaultcore.vault.keyring import Credential

if TYPE_CHECKING:
    from vaultcore.routing.plan import Candidate
    from vaultcore.routing.quota import Quota


TOLERANCE = 0.02  # seconds: a sleep may end that early by another clock


@dataclass(slots=True)
class Circuit:
    """One circuit: closed while `failures` is under the threshold."""

    failures: int = 0
    open: bool = False
    rests_until: float = 0.0
    firm: bool = False
    probed_by: object | None = None  # the attempt that is probing it now
    fault: Fault | None = None

    def rest(self, now: float) -> float:
        """Seconds it should be left alone: 0 where it may be tried like any other."""
        if not self.open:
            return 0.0
        left = self.rests_until - now
        return max(left, 0.001) if self.probed_by is not None else max(left, 0.0)

    def opens(self, until: float, *, firm: bool) -> None:
        self.open, self.rests_until, self.firm = True, until, firm


@dataclass(frozen=True, slots=True)
class Cooldowns:
    """How long a circuit stays open, in seconds, and what opens it. `threshold` 0 switches breakers off."""

    threshold: int = 5
    cooldown: float = 10.0
    refused: float = 300.0  # a key that its provider refuses
    limited: float = 1.0  # a rate limit without a Retry-After
    longest: float = 3_600.0  # however long a provider asks for


def _unheard(_provider: str) -> None:
    return


@dataclass(slots=True)
class Health:
    """`opened` hears of every provider at which a circuit opens, or opens again after its rest."""

    rests: Cooldowns = Cooldowns()
    opened: Callable[[str], None] = _unheard
    _keys: dict[str, Circuit] = field(default_factory=dict)
    _hosts: dict[str, Circuit] = field(default_factory=dict)
    _quotas: dict[str, Quota] = field(default_factory=dict)

    def rest(self, candidate: Candidate, now: float) -> tuple[float, Fault]:
        """Seconds until the candidate may be tried like any other (0: now), and what it rests from."""
        key, host = self._circuits(candidate)
        worst = key if key.rest(now) >= host.rest(now) else host
        return worst.rest(now), worst.fault or Fault.HOST

    def begin(self, candidate: Candidate, attempt: object, now: float) -> bool:
        """Take a candidate for an attempt; False where another is probing it, or its rest is firm."""
        circuits = [circuit for circuit in self._circuits(candidate) if circuit.open]
        for circuit in circuits:
            if circuit.probed_by is not None or (circuit.firm and circuit.rests_until > now + TOLERANCE):
                return False
        for circuit in circuits:
            circuit.probed_by = attempt
        return True

    def succeeded(self, candidate: Candidate, attempt: object) -> None:
        self.released(candidate, attempt)
        for circuit in self._circuits(candidate):
            circuit.failures, circuit.open, circuit.firm, circuit.fault = 0, False, False, None

    def failed(self, candidate: Candidate, attempt: object, error: UpstreamError, now: float) -> None:
        """Note a failure against whoever is to blame; the request's own faults blame nobody."""
        self.released(candidate, attempt)
        if self.rests.threshold == 0:
            return
        key, host = self._circuits(candidate)
        match error.fault:
            case Fault.KEY:
                self._tell(key, candidate, now)
                key.fault = error.fault
                key.opens(now + self.rests.refused, firm=False)
            case Fault.RATE:
                asked = error.retry_after
                key.fault = error.fault
                wait = min(self.rests.limited if asked is None else asked, self.rests.longest)
                key.opens(now + wait, firm=asked is not None)
            case Fault.HOST:
                host.failures += 1
                if host.failures >= self.rests.threshold:
                    self._tell(host, candidate, now)
                    host.fault = error.fault
                    host.opens(now + self.rests.cooldown, firm=False)
            case _:
                pass

    def released(self, candidate: Candidate, attempt: object) -> None:
        """The attempt is over, however it ended: the next may probe."""
        for circuit in self._circuits(candidate):
            if circuit.probed_by is attempt:
                circuit.probed_by = None

    def heard(self, credential: Credential, quota: Quota) -> None:
        """What a provider's headers said is left of a key's quota."""
        self._quotas[credential.id] = quota

    def by_quota(self, credentials: Sequence[Credential], now: float) -> Sequence[Credential]:
        """Keys with most of their quota left first; unreported ones count as full, ties keep order."""
        if len(credentials) < 2:
            return credentials
        return sorted(credentials, key=lambda credential: -self._left(credential, now))

    def report(self, now: float) -> dict[str, dict[str, dict[str, object]]]:
        """Every circuit that has failed, and every quota heard, by key id and provider: for /admin/health."""
        return {
            "keys": {key: _told(circuit, now) for key, circuit in self._keys.items()},
            "providers": {name: _told(circuit, now) for name, circuit in self._hosts.items()},
            "quotas": {key: {"left": round(quota.left(now), 4)} for key, quota in self._quotas.items()},
        }

    def _tell(self, circuit: Circuit, candidate: Candidate, now: float) -> None:
        if not circuit.open or circuit.rests_until <= now:
            self.opened(candidate.target.provider.name)

    def _left(self, credential: Credential, now: float) -> float:
        quota = self._quotas.get(credential.id)
        return 1.0 if quota is None else quota.left(now)

    def _circuits(self, candidate: Candidate) -> tuple[Circuit, Circuit]:
        return (
            self._keys.setdefault(candidate.credential.id, Circuit()),
            self._hosts.setdefault(candidate.target.provider.name, Circuit()),
        )


def _told(circuit: Circuit, now: float) -> dict[str, object]:
    state = "closed" if not circuit.open else "open" if circuit.rests_until > now else "half-open"
    reason = circuit.fault.name.lower() if circuit.fault else None
    return {
        "state": state,
        "failures": circuit.failures,
        "rests": round(circuit.rest(now), 3),
        "reason": reason,
    }
