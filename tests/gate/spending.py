"""Requests that only end: settled through the gate at a key's account, as many as it takes to pass a mark."""

from __future__ import annotations

from tests.fakes.clock import NOON
from tests.gate.receiver import SECRET
from vaultcore.call import Call
from vaultcore.clock import Clock
from vaultcore.gate.alerts import Alerts
from vaultcore.gate.caller import Caller
from vaultcore.gate.doorman import Doorman
from vaultcore.gate.gate import Gate
from vaultcore.gate.grant import Grant
from vaultcore.gate.webhook import webhook
from vaultcore.governance.account import Lease
from vaultcore.governance.limits import Limits
from vaultcore.governance.virtual_key import VirtualKey
from vaultcore.observe import Log
from vaultcore.routing.attempts import Policy
from vaultcore.secrets import FixedSecrets, Secrets
from vaultcore.store import shelves
from vaultcore.store.base import Document, Store
from vaultcore.usage.wanted import Wanted
from vaultcore.vault.keyring import Keyring

PEPPER = b"vp-" + b"7" * 40
SECRETS = FixedSecrets(Secrets(Keyring(()), pepper=PEPPER))


def key(limits: Limits, id: str = "key_one", owner: str | None = None) -> VirtualKey:
    return VirtualKey(id, "a key", NOON, (), limits, owner=owner)


def gate(store: Store, clock: Clock, alerts: Alerts | None = None) -> Gate:
    gate = Gate(store, Doorman(store, SECRETS, clock, Log()), clock, Log())
    if alerts is not None:
        gate.notify = alerts.notify
    return gate


def alerts(store: Store, url: str, clock: Clock) -> Alerts:
    return Alerts(store, [webhook(url, SECRET, clock)], clock, Log())


async def spend(gate: Gate, clock: Clock, caller: Caller, id: str, tokens: int) -> None:
    """Settle a request that used so many tokens."""
    now = clock.now()
    grant = Grant(caller, Wanted(0, 0, 0), caller.levels, Lease(now, now + 960.0), reserved=True)
    call = Call(id, {"model": "m", "messages": []}, now, Policy())
    call.usage = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
    await gate.settle(grant, call, 200)


async def kept(store: Store) -> list[Document]:
    """Every alert."""
    return await store.entries(shelves.ALERTS, limit=1_000)
