"""Maintenance: steps that run every few minutes, outside requests. Each runs even if another has failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Mapping

from vaultcore.admission.caller import GATEWAY, SYSTEM, account, owners_account
from vaultcore.clock import Clock
from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.errors import StoreUnavailable
from vaultcore.ledger.day_sums import DaySums
from vaultcore.ledger.sealing import Sealer
from vaultcore.secrets import SecretSource
from vaultcore.store.base import DocumentKey, Put, Store
from vaultcore.store.unavailable_reason import unavailable_reason
from vaultcore.telemetry import Log

BATCH = 100  # accounts per store call
RECOVERED = DocumentKey("ledger", "settlements")  # until when records have been checked for missing charges
MARKS_RETENTION = 2 * 86_400.0  # seconds for which a store knows what has been charged
FIRST_RUN, STEP = 3_600.0, 600.0  # seconds: what the first run checks, and what is checked at a time
OVERLAP = 300.0  # seconds: records of the last run may have appeared late

PER_PROCESS = frozenset({"owed"})  # steps that each process needs; one process can run the others for all

Step = Callable[[], Awaitable[object]]


class Maintenance:
    """Runs the steps in their order. Passes at the same time, in several processes, do no harm."""

    def __init__(self, steps: Mapping[str, Step], log: Log) -> None:
        self._steps, self._log = dict(steps), log
        self._failures: dict[str, str] = {}  # by step: the reason logged last

    async def run(self, names: Container[str] | None = None) -> list[str]:
        """Run all steps once, or those with these names. Return the names of those that failed.

        Raises only CancelledError.
        """
        for name, step in self._steps.items():
            if names is not None and name not in names:
                continue
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - the other steps must run too
                self._log_failure(name, error)
            else:
                self._failures.pop(name, None)
        return list(self._failures)

    def _log_failure(self, name: str, error: Exception) -> None:
        reason = type(error).__name__
        if isinstance(error, StoreUnavailable):
            reason = unavailable_reason(error)
        if self._failures.get(name) != reason:
            self._failures[name] = reason
            self._log.error("upkeep", step=name, reason=reason)


class LedgerSealing:
    """Chains and signs new ledger rows, and adds their usage to the sums of days; see `vaultcore.ledger`."""

    def __init__(self, store: Store, secrets: SecretSource, clock: Clock) -> None:
        self._store, self._secrets, self._clock = store, secrets, clock

    async def seal(self) -> int:
        """Seal, and return the number of rows."""
        from vaultcore.ledger.signing import LedgerSigner  # imports cryptography

        pepper = (await self._secrets.current()).pepper
        signer = None if pepper is None else LedgerSigner(pepper)
        return await Sealer(self._store, signer, self._clock).run()

    async def add_usage(self) -> int:
        """Add the usage of sealed rows to the sums of days, and return the number of sums."""
        return await DaySums(self._store).run()


class SettlementRecovery:
    """Charges settlements whose process died between the record and the charge."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def recover(self) -> int:
        """Check the records since the last run, and return the number of charges that were missing.

        They are checked step by step, so that a run that is interrupted does not begin anew.
        """
        now, charges = self._clock.now(), 0
        (position,) = await self._store.get(RECOVERED)
        since = max(position.body["until"] if position else now - FIRST_RUN, now - MARKS_RETENTION) - OVERLAP
        while since < now:
            until = min(since + STEP, now)
            charges += await self._store.complete_settlements(since, until)
            await self._store.write(Put(RECOVERED, {"until": until}))
            since = until
        return charges


class LeaseReclaimer:
    """Frees reservations of calls that never ended. Accounts in use do so themselves, idle ones do not."""

    def __init__(self, store: Store, keys: VirtualKeys) -> None:
        self._store, self._keys = store, keys

    async def reclaim(self) -> int:
        """Free expired leases, and return their number."""
        keys = await self._keys.all()
        owners = dict.fromkeys(owners_account(key.owner) for key in keys if key.owner)
        names = [GATEWAY, account(SYSTEM), *owners, *(account(key.id) for key in keys)]
        freed = 0
        for start in range(0, len(names), BATCH):
            freed += await self._store.sweep(*names[start : start + BATCH])
        return freed
