"""Requests that only end: settled through the gate at a key's account, as many as it takes to pass a mark."""

from __future__ import annotations

from tests.alerts.receiver import SECRET
from tests.fakes.clock import NOON
from vaultcore.admission.authenticator import Authenticator
from vaultcore.admission.caller import Caller
from vaultcore.admission.grant import Grant
from vaultcore.admission.limiter import Limiter
from vaultcore.alerts.outbox import AlertOutbox
from vaultcore.alerts.webhook import webhook
from vaultcore.call import Call
from vaultcore.clock import Clock
from vaultcore.limits.account import Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.virtual_key import VirtualKey
from vaultcore.routing.attempts import RetryPolicy
from vaultcore.secrets import FixedSecrets, Secrets
from vaultcore.store import document_types
from vaultcore.store.base import Document, Store
from vaultcore.telemetry import Log
from vaultcore.usage.request_estimate import RequestEstimate
from vaultcore.vault.keyring import Keyring

PEPPER = b"vp-" + b"7" * 40
SECRETS = FixedSecrets(Secrets(Keyring(()), pepper=PEPPER))


def key(limits: Limits, id: str = "key_one", owner: str | None = None) -> VirtualKey:
    return VirtualKey(id, "a key", NOON, (), limits, owner=owner)


def gate(store: Store, clock: Clock, alerts: AlertOutbox | None = None) -> Limiter:
    gate = Limiter(store, Authenticator(store, SECRETS, clock, Log()), clock, Log())
    if alerts is not None:
        gate.notify = alerts.notify
    return gate


def alerts(store: Store, url: str, clock: Clock) -> AlertOutbox:
    return AlertOutbox(store, [webhook(url, SECRET, clock)], clock, Log())


async def spend(gate: Limiter, clock: Clock, caller: Caller, id: str, tokens: int) -> None:
    """Settle a request that used so many tokens."""
    now = clock.now()
    grant = Grant(caller, RequestEstimate(0, 0, 0), caller.levels, Lease(now, now + 960.0), reserved=True)
    call = Call(id, {"model": "m", "messages": []}, now, RetryPolicy())
    call.usage = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
    await gate.settle(grant, call, 200)


async def kept(store: Store) -> list[Document]:
    """Every alert."""
    return await store.entries(document_types.ALERTS, limit=1_000)
