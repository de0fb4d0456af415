"""The collaborators an app needs, in one frozen record: wiring instead of globals."""

from __future__ import annotations

from dataclasses import dataclass

from vaultcore.catalog.catalog import Catalog
from vaultcore.clock import Clock
from vaultcore.gate.alerts import Alerts
from vaultcore.gate.claims import Claims
from vaultcore.gate.content import Content
from vaultcore.gate.doorman import Doorman
from vaultcore.gate.gate import Gate
from vaultcore.gate.keys import Keys
from vaultcore.gate.routes import Routes
from vaultcore.gate.upkeep import Upkeep
from vaultcore.gateway import Gateway
from vaultcore.observe import Log
from vaultcore.routing.health import Health
from vaultcore.secrets import SecretSource
from vaultcore.settings import Settings
from vaultcore.store.base import Store
from vaultcore.usage.unknown import UnknownPrice
from vaultcore.watch import Watch


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    secrets: SecretSource
    routes: Routes
    gateway: Gateway
    health: Health
    store: Store
    doorman: Doorman
    gate: Gate
    keys: Keys
    alerts: Alerts
    upkeep: Upkeep
    claims: Claims
    content: Content
    prices: UnknownPrice
    clock: Clock
    log: Log
    watch: Watch

    @property
    def catalog(self) -> Catalog:
        """The catalog with the routes in force now."""
        return self.routes.catalog
