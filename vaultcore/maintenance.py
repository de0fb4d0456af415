"""Upkeep: what is done now and then, off every request's way, each step whatever becomes of the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from vaultcore.admission.caller import GATEWAY, SYSTEM, account, owners_account
from vaultcore.clock import Clock
from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.secrets import SecretSource
from vaultcore.store.base import Store
from vaultcore.telemetry import Log

BATCH = 100  # accounts in one call

Step = Callable[[], Awaitable[object]]


class Maintenance:
    """Passes over the same steps, in their order. One pass at a time is enough; several do no harm."""

    def __init__(self, steps: Mapping[str, Step], log: Log) -> None:
        self._steps, self._log = dict(steps), log
        self._told: dict[str, str] = {}  # what is wrong already, so that the log hears of it once

    async def run(self) -> list[str]:
        """One pass; the names of the steps that failed. Raises nothing but cancellation."""
        for name, step in self._steps.items():
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - whatever it was, the other steps are due too
                self._failed(name, error)
            else:
                self._told.pop(name, None)
        return list(self._told)

    def _failed(self, name: str, error: Exception) -> None:
        reason = type(error).__name__
        if self._told.get(name) != reason:
            self._told[name] = reason
            self._log.trouble("upkeep", step=name, reason=reason)


class LedgerSealing:
    """Chains and signs what the ledger has got since, see `vaultcore.ledger.sealing`."""

    def __init__(self, store: Store, secrets: SecretSource, clock: Clock) -> None:
        self._store, self._secrets, self._clock = store, secrets, clock

    async def seal(self) -> int:
        """How many rows were sealed."""
        from vaultcore.ledger.sealing import Sealer  # with it comes cryptography
        from vaultcore.ledger.signing import Signer

        pepper = (await self._secrets.current()).pepper
        return 0 if pepper is None else await Sealer(self._store, Signer(pepper), self._clock).run()


class LeaseReclaimer:
    """Gives back what requests hold that never ended: an account in use does so itself, idle ones do not."""

    def __init__(self, store: Store, keys: VirtualKeys) -> None:
        self._store, self._keys = store, keys

    async def give_back(self) -> int:
        """How many leases were over."""
        keys = await self._keys.all()
        owners = dict.fromkeys(owners_account(key.owner) for key in keys if key.owner)
        names = [GATEWAY, account(SYSTEM), *owners, *(account(key.id) for key in keys)]
        swept = 0
        for start in range(0, len(names), BATCH):
            swept += await self._store.sweep(*names[start : start + BATCH])
        return swept
