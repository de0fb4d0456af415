"""The collaborators that the app needs, in one frozen record. `compose.py` builds it."""

from __future__ import annotations

from dataclasses import field

from vaultcore.admission.admitted_call import Admission
from vaultcore.admission.authenticator import Authenticator
from vaultcore.admission.refusals.collector import RefusalCollector
from vaultcore.alerts.outbox import AlertOutbox
from vaultcore.catalog.catalog import Catalog
from vaultcore.clock import Clock
from vaultcore.control.key_owners import KeyOwners
from vaultcore.control.routes import RouteStore
from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.gateway.gateway import Gateway
from vaultcore.idempotency.claims import Claims
from vaultcore.lazy_dataclass import dataclass
from vaultcore.ledger.tail import TailCache
from vaultcore.maintenance import Maintenance
from vaultcore.routing.health import Health
from vaultcore.secrets import SecretSource
from vaultcore.settings import Settings
from vaultcore.shutdown import Shutdown
from vaultcore.store.base import Store
from vaultcore.telemetry import Log
from vaultcore.tracing import Observer


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that handlers use. One per process."""

    settings: Settings
    secrets: SecretSource
    routes: RouteStore
    gateway: Gateway
    health: Health
    store: Store
    tails: TailCache
    authenticator: Authenticator
    admission: Admission
    refusals: RefusalCollector
    keys: VirtualKeys
    key_owners: KeyOwners
    alerts: AlertOutbox
    maintenance: Maintenance
    claims: Claims
    clock: Clock
    log: Log
    observer: Observer
    shutdown: Shutdown = field(default_factory=Shutdown)

    @property
    def catalog(self) -> Catalog:
        """Return the catalog with the routes now in force."""
        return self.routes.catalog
