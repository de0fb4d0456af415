"""Maintenance: steps that run every few minutes, outside requests. Each runs even if another has failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from vaultcore.admission.caller import GATEWAY, SYSTEM, account, owners_account
from vaultcore.clock import Clock
from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.secrets import SecretSource
from vaultcore.store.base import Store
from vaultcore.telemetry import Log

BATCH = 100  # accounts per store call

Step = Callable[[], Awaitable[object]]


class Maintenance:
    """Runs the steps in their order. Passes at the same time, in several processes, do no harm."""

    def __init__(self, steps: Mapping[str, Step], log: Log) -> None:
        self._steps, self._log = dict(steps), log
        self._failures: dict[str, str] = {}  # by step: the reason logged last

    async def run(self) -> list[str]:
        """Run all steps once. Return the names of those that failed. Raises only CancelledError."""
        for name, step in self._steps.items():
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - the other steps must run too
                self._log_failure(name, error)
            else:
                self._failures.pop(name, None)
        return list(self._failures)

    def _log_failure(self, name: str, error: Exception) -> None:
        reason = type(error).__name__
        if self._failures.get(name) != reason:
            self._failures[name] = reason
            self._log.error("upkeep", step=name, reason=reason)


class LedgerSealing:
    """Chains and signs new ledger rows; see `vaultcore.ledger.sealing`."""

    def __init__(self, store: Store, secrets: SecretSource, clock: Clock) -> None:
        self._store, self._secrets, self._clock = store, secrets, clock

    async def seal(self) -> int:
        """Seal, and return the number of rows."""
        from vaultcore.ledger.sealing import Sealer  # imports cryptography
        from vaultcore.ledger.signing import LedgerSigner

        pepper = (await self._secrets.current()).pepper
        return 0 if pepper is None else await Sealer(self._store, LedgerSigner(pepper), self._clock).run()


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
