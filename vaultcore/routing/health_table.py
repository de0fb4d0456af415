"""The health of provider keys and hosts in memory that the worker processes of one machine share.

    version    8 bytes: rises with each change of a circuit
    changes    8 bytes per circuit: the version of its latest change
    circuits   24 bytes per circuit, keys first: failures, flags, fault, prober, time
    quotas     56 bytes per key: time of the report; remaining, limit and reset of requests and of tokens

A process compares the version with the one it has seen: without a change this costs no system call. It reads
and writes circuits while it has the lock, which the system releases if the process dies. All times are
seconds since the epoch, of the one clock of the machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from math import isnan, nan
from struct import Struct

from vaultcore.errors import Fault
from vaultcore.lazy_dataclass import dataclass
from vaultcore.routing.circuit import Circuit
from vaultcore.routing.health import QUOTA_INTERVAL
from vaultcore.routing.quota import Quota, RemainingQuota, ReportedQuota

FAULTS = tuple(Fault)
CIRCUIT = Struct("=i??bxqd")  # failures, is_open, probe_forbidden, fault (-1: none), prober, open_until
QUOTA = Struct("=7d")  # NaN for an unknown number
WORD = 8  # bytes
NOBODY = 0  # as a prober; workers have the numbers from 1


@dataclass(frozen=True, slots=True)
class Names:
    """The ids of keys and the names of hosts that the table has rows for, in their order."""

    keys: Sequence[str]
    hosts: Sequence[str]

    @property
    def circuits(self) -> int:
        return len(self.keys) + len(self.hosts)

    @property
    def size(self) -> int:
        """Return the bytes of the table."""
        return WORD + self.circuits * (WORD + CIRCUIT.size) + len(self.keys) * QUOTA.size


class HealthTable:
    """One worker's view of the table. Keys and hosts without a row stay with each process.

    `worker` is its number among the workers, from 1. Nothing waits while it has the lock.
    """

    def __init__(
        self, names: Names, memory: memoryview, lock: AbstractContextManager[object], *, worker: int
    ) -> None:
        self.lock, self._worker = lock, worker
        self.keys: Mapping[str, int] = {name: row for row, name in enumerate(names.keys)}
        self.hosts: Mapping[str, int] = {name: row for row, name in enumerate(names.hosts, len(names.keys))}
        self._names = (*names.keys, *names.hosts)
        words = memory[: WORD * (1 + names.circuits)].cast("Q")
        self.version, self._changes = words[:1], words[1:]
        self._circuits = memory[words.nbytes :]
        self._quotas = self._circuits[names.circuits * CIRCUIT.size :]
        self._versions = [0] * names.circuits  # of this process, by row
        self._quota_times = [0.0] * len(names.keys)  # of the latest report that this process knows, by row

    def changed(self) -> Iterator[tuple[str, bool, int]]:
        """Yield name, True for a key, and row of each circuit that has changed. The lock must be taken."""
        for row, version in enumerate(self._changes.tolist()):
            if version != self._versions[row]:
                self._versions[row] = version
                yield self._names[row], row < len(self.keys), row

    def read(self, row: int, circuit: Circuit) -> None:
        """Update a circuit of this process."""
        failures, is_open, probe_forbidden, fault, prober, open_until = CIRCUIT.unpack_from(
            self._circuits, row * CIRCUIT.size
        )
        circuit.failures, circuit.is_open, circuit.open_until = failures, is_open, open_until
        circuit.probe_forbidden, circuit.fault = probe_forbidden, None if fault < 0 else FAULTS[fault]
        if prober != self._worker:
            circuit.prober = None if prober == NOBODY else prober

    def write(self, row: int, circuit: Circuit) -> int:
        """Write a circuit if it differs from its row. Return the version of the table."""
        match circuit.prober:
            case None:
                prober = NOBODY
            case int(other):
                prober = other
            case _:
                prober = self._worker
        fault = -1 if circuit.fault is None else FAULTS.index(circuit.fault)
        packed = CIRCUIT.pack(
            circuit.failures, circuit.is_open, circuit.probe_forbidden, fault, prober, circuit.open_until
        )
        place = slice(row * CIRCUIT.size, (row + 1) * CIRCUIT.size)
        if self._circuits[place] != packed:
            self._circuits[place] = packed
            self._versions[row] = self._changes[row] = self.version[0] = self.version[0] + 1
        return self.version[0]

    def end_worker(self, worker: int) -> None:
        """Let another worker probe what a worker that has died was probing."""
        with self.lock:
            for row in range(len(self._names)):
                circuit = Circuit()
                self.read(row, circuit)
                if circuit.prober == worker:
                    circuit.prober = None
                    self.write(row, circuit)

    def write_quota(self, key: str, report: Quota | ReportedQuota) -> None:
        """Write a key's quota, unless the row is younger than QUOTA_INTERVAL. It takes no lock.

        A report that two processes write at once is replaced by the next one.
        """
        row = self.keys.get(key)
        if row is None or 0 <= report.at - self._quota_times[row] < QUOTA_INTERVAL:
            return
        quota = report if isinstance(report, Quota) else report.parsed()
        packed = QUOTA.pack(report.at, *_numbers(quota.requests), *_numbers(quota.tokens))
        self._quotas[row * QUOTA.size : (row + 1) * QUOTA.size] = packed
        self._quota_times[row] = report.at

    def new_quotas(self) -> Iterator[tuple[str, Quota]]:
        """Yield keys and their quotas that other workers have written since the last call."""
        for row, (at, *numbers) in enumerate(QUOTA.iter_unpack(self._quotas)):
            if at != self._quota_times[row]:
                self._quota_times[row] = at
                yield self._names[row], Quota(_remaining(*numbers[:3]), _remaining(*numbers[3:]), at)


def _numbers(quota: RemainingQuota | None) -> tuple[float, float, float]:
    if quota is None:
        return nan, nan, nan
    return (
        quota.remaining,
        nan if quota.limit is None else quota.limit,
        nan if quota.reset is None else quota.reset,
    )


def _remaining(remaining: float, limit: float, reset: float) -> RemainingQuota | None:
    if isnan(remaining):
        return None
    return RemainingQuota(remaining, None if isnan(limit) else limit, None if isnan(reset) else reset)
