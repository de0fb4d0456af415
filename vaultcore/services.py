"""The collaborators an app needs, in one frozen record: wiring instead of globals."""

from __future__ import annotations

from dataclasses import dataclass

from vaultcore.catalog.catalog import Catalog
from vaultcore.clock import Clock
from vaultcore.gateway import Gateway
from vaultcore.observe import Log
from vaultcore.routing.health import Health
from vaultcore.secrets import SecretSource
from vaultcore.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    catalog: Catalog
    secrets: SecretSource
    gateway: Gateway
    health: Health
    clock: Clock
    log: Log
