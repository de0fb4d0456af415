"""Circuit breakers and reported quotas of provider keys and hosts.

A circuit opens after failures in a row and closes at the first success. While it is open, its key or host is
in cooldown: other candidates are tried first. After the cooldown, or if no other candidate is left, one
request at a time may probe it. A cooldown that the provider itself asked for (`Retry-After`) allows no probe.
All of this is advisory; limits that must hold are in the store.

The worker processes of one machine share a table, so that they behave like one process: see `health_table`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING

from vaultcore.errors import Fault, UpstreamError
from vaultcore.lazy_dataclass import dataclass
from vaultcore.routing.candidate import Candidate
from vaultcore.routing.circuit import Circuit
from vaultcore.vault.keyring import Credential

if TYPE_CHECKING:
    from vaultcore.routing.health_table import HealthTable
    from vaultcore.routing.key_order import KeyOrder
    from vaultcore.routing.quota import Quota, ReportedQuota

QUOTA_INTERVAL = 1.0  # seconds between two reports of a key's quota to other workers, and between two looks
MANY_KEYS = 17  # of one provider: their order is kept instead of sorted for each request

COUNTED = frozenset({Fault.KEY, Fault.RATE, Fault.HOST})  # against a key or a host


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
    _orders: dict[str, KeyOrder] = field(default_factory=dict)  # by provider, of those with many keys
    _table: HealthTable | None = None  # shared with other workers
    _version: Sequence[int] = (0,)  # of the table: one number, which other workers raise
    _seen: int = 0  # the version up to which this process has read the table
    _any_open: bool = False  # one of the circuits is open
    _quotas_read: float = 0.0  # seconds since the epoch

    def share(self, table: HealthTable) -> None:
        """Share circuits and quotas with the other workers from now on."""
        self._table, self._version = table, table.version

    @property
    def has_open(self) -> bool:
        """Return True if a circuit is open. If none is, there are no cooldowns."""
        if self._version[0] != self._seen:
            self._read_table()
        return self._any_open

    def cooldown(self, candidate: Candidate, now: float) -> tuple[float, Fault]:
        """Return the candidate's remaining cooldown in seconds (0: none), and the fault that caused it."""
        if not self.has_open:
            return 0.0, Fault.HOST
        key, host = self._circuits(candidate)
        longer = key if key.cooldown(now) >= host.cooldown(now) else host
        return longer.cooldown(now), longer.fault or Fault.HOST

    def begin(self, candidate: Candidate, attempt: object, now: float) -> bool:
        """Start an attempt. Return False if another attempt is probing, or if no probe is allowed yet."""
        if self._version[0] != self._seen:
            self._read_table()
        if not self._any_open:
            return True
        key, host = self._circuits(candidate)
        if not (key.is_open or host.is_open):
            return True
        with self._changing(candidate):
            circuits = [circuit for circuit in (key, host) if circuit.is_open]
            if any(circuit.rejects_probe(now) for circuit in circuits):
                return False
            for circuit in circuits:
                circuit.prober = attempt
        return True

    def record_success(self, candidate: Candidate, attempt: object) -> None:
        """End an attempt that succeeded: close both circuits."""
        if self._version[0] != self._seen:
            self._read_table()
        key, host = self._circuits(candidate)
        if not (key.failures or key.is_open or key.prober or host.failures or host.is_open or host.prober):
            return
        with self._changing(candidate):
            for circuit in (key, host):
                if circuit.prober is attempt:
                    circuit.prober = None
                circuit.close()

    def record_failure(self, candidate: Candidate, attempt: object, error: UpstreamError, now: float) -> None:
        """End an attempt that failed: count the failure against the key or the host.

        Faults of the request itself count against neither.
        """
        self.release(candidate, attempt)
        if self.cooldowns.threshold == 0 or error.fault not in COUNTED:
            return
        with self._changing(candidate) as (key, host):
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
                case _:
                    host.failures += 1
                    if host.failures >= self.cooldowns.threshold:
                        self._notify(host, candidate, now)
                        host.fault = error.fault
                        host.open(now + self.cooldowns.host, probe_forbidden=False)

    def release(self, candidate: Candidate, attempt: object) -> None:
        """End an attempt without a verdict: the next one may probe."""
        key, host = self._circuits(candidate)
        if key.prober is attempt or host.prober is attempt:
            with self._changing(candidate):
                for circuit in (key, host):
                    if circuit.prober is attempt:
                        circuit.prober = None

    def record_quota(self, credential: Credential, quota: Quota | ReportedQuota) -> None:
        """Store the quota that a provider's headers reported for a key."""
        self._quotas[credential.id] = quota
        if self._orders:
            self._note_quota(credential.id)
        if self._table is not None:
            self._table.write_quota(credential.id, quota)

    def by_quota(self, credentials: Sequence[Credential], now: float) -> Iterable[Credential]:
        """Return keys by remaining quota, most first. An unreported quota counts as full; ties keep order."""
        if len(credentials) < 2:
            return credentials
        if self._table is not None and not 0 <= now - self._quotas_read < QUOTA_INTERVAL:
            self._read_quotas(self._table, now)
        if len(credentials) < MANY_KEYS:
            return sorted(credentials, key=lambda credential: -self._share(credential, now))
        provider = credentials[0].provider.lower()
        order = self._orders.get(provider)
        if order is None or order.credentials is not credentials:
            from vaultcore.routing.key_order import KeyOrder  # few gateways have so many keys

            order = self._orders[provider] = KeyOrder(credentials)
        return order.sorted(self._parsed_quota, now)

    def report(self, now: float) -> dict[str, dict[str, dict[str, object]]]:
        """Return the body of /admin/health: failed circuits and reported quotas, by key and provider."""
        if self._table is not None:
            self._read_table()
            self._read_quotas(self._table, now)
        return {
            "keys": {key: circuit.as_json(now) for key, circuit in self._keys.items()},
            "providers": {name: circuit.as_json(now) for name, circuit in self._hosts.items()},
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

    @contextmanager
    def _changing(self, candidate: Candidate) -> Iterator[tuple[Circuit, Circuit]]:
        """Yield the circuits of a key and a host, which no other worker changes meanwhile."""
        key, host = self._circuits(candidate)
        if (table := self._table) is None:
            yield key, host
            self._note_open()
            return
        with table.lock:
            self._read_changes(table)
            yield key, host
            self._note_open()
            for row, circuit in (
                (table.keys.get(candidate.credential.id), key),
                (table.hosts.get(candidate.target.provider.name), host),
            ):
                if row is not None:
                    self._seen = table.write(row, circuit)

    def _read_table(self) -> None:
        if (table := self._table) is not None:
            with table.lock:
                self._read_changes(table)

    def _read_changes(self, table: HealthTable) -> None:
        """Read what other workers have changed. The table's lock must be taken."""
        for name, is_key, row in table.changed():
            circuits = self._keys if is_key else self._hosts
            table.read(row, circuits.setdefault(name, Circuit()))
        self._seen = table.version[0]
        self._note_open()

    def _note_open(self) -> None:
        self._any_open = any(each.is_open for each in (*self._keys.values(), *self._hosts.values()))

    def _read_quotas(self, table: HealthTable, now: float) -> None:
        self._quotas_read = now
        for key, quota in table.new_quotas():
            known = self._quotas.get(key)
            if known is None or known.at < quota.at:
                self._quotas[key] = quota
                self._note_quota(key)

    def _note_quota(self, key: str) -> None:
        for order in self._orders.values():
            order.note(key)

    def _parsed_quota(self, key: str) -> Quota | None:
        quota = self._quotas.get(key)
        return None if quota is None else quota.parsed()
