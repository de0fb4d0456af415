"""A limiter over a given store, and calls that only settle a number of tokens."""

from __future__ import annotations

from tests.alerts.webhook_receiver import SECRET
from tests.fakes.clock import NOON
from vaultcore.admission.authenticator import Authenticator
from vaultcore.admission.caller import Caller
from vaultcore.admission.grant import Grant
from vaultcore.admission.limiter import Limiter, Notify, ignore_alerts
from vaultcore.alerts.outbox import AlertOutbox
from vaultcore.alerts.webhook import webhook
from vaultcore.call import Call
from vaultcore.catalog.catalog import Catalog
from vaultcore.clock import Clock
from vaultcore.control.routes import RouteStore
from vaultcore.control.snapshot import SnapshotReader
from vaultcore.limits.account import Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.virtual_key import VirtualKey
from vaultcore.routing.attempts import RetryPolicy
from vaultcore.secrets import FixedSecrets, Secrets, SecretSource
from vaultcore.store import document_types
from vaultcore.store.base import Document, Store
from vaultcore.telemetry import Log
from vaultcore.usage.request_estimate import RequestEstimate
from vaultcore.vault.keyring import Keyring

PEPPER = b"vp-" + b"7" * 40
SECRETS = FixedSecrets(Secrets(Keyring(()), pepper=PEPPER))


def key(limits: Limits, id: str = "key_one", owner: str | None = None) -> VirtualKey:
    """Return a virtual key with these limits."""
    return VirtualKey(id, "a key", NOON, (), limits, owner=owner)


def build_authenticator(store: Store, clock: Clock, secrets: SecretSource = SECRETS) -> Authenticator:
    routes = RouteStore(store, secrets, clock, Catalog({}))
    return Authenticator(SnapshotReader(store, routes, Log()), secrets, clock)


def build_limiter(
    store: Store, clock: Clock, outbox: AlertOutbox | None = None, *, notify: Notify = ignore_alerts
) -> Limiter:
    notify = notify if outbox is None else outbox.notify
    return Limiter(store, build_authenticator(store, clock), clock, Log(), notify=notify)


def build_outbox(store: Store, url: str, clock: Clock) -> AlertOutbox:
    return AlertOutbox(store, [webhook(url, SECRET, clock)], clock, Log())


async def settle_usage(limiter: Limiter, clock: Clock, caller: Caller, id: str, tokens: int) -> None:
    """Settle a call that used that many tokens."""
    now = clock.now()
    lease = Lease(now, now + 960.0)
    grant = Grant(caller, RequestEstimate(0, 0, 0), caller.levels, lease, is_reserved=True)
    call = Call(id, {"model": "m", "messages": []}, now, RetryPolicy())
    call.outcome.usage = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
    await limiter.settle(grant, call, 200)


async def stored_alerts(store: Store) -> list[Document]:
    """Return every alert in the store."""
    return await store.query(document_types.ALERTS, limit=1_000)
