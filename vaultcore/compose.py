"""Settings in, services out: which adapter stands behind which seam is decided here and nowhere else."""

from __future__ import annotations

from vaultcore.catalog.load import load
from vaultcore.clock import Clock, SystemClock
from vaultcore.gateway import Gateway
from vaultcore.observe import Log
from vaultcore.routing.health import Health, Rests
from vaultcore.secrets import OpenedOnce, Secrets, SecretSource, digest
from vaultcore.services import Services
from vaultcore.settings import Settings
from vaultcore.upstream.client import Upstream
from vaultcore.upstream.transport import Pool
from vaultcore.vault.keyring import Credential, Keyring


def compose(
    settings: Settings, secrets: SecretSource | None = None, *, clock: Clock | None = None
) -> Services:
    """Wire the gateway up. Opens nothing yet: secrets are read when the first request needs them."""
    clock = clock or SystemClock()
    log = Log()
    catalog = load(settings.providers_file, settings.environ)
    source = secrets or secret_source(settings, clock)
    health = Health(Rests(threshold=settings.breaker_threshold))
    upstream = Upstream(Pool(), settings.timeouts)
    gateway = Gateway(catalog, source, upstream, clock, health, log)
    return Services(settings, catalog, source, gateway, health, clock, log)


def secret_source(settings: Settings, clock: Clock) -> SecretSource:
    """Secrets Manager where its ids are set, else the environment's vault string, else the one on disk."""
    if settings.vault_secret:
        from vaultcore.aws.secrets import managed_secrets  # boto3 is only paid for where it is used

        return managed_secrets(settings, clock)
    return OpenedOnce(lambda: open_local(settings))


def open_local(settings: Settings) -> Secrets:
    """Open the vault of this machine. Raises VaultError."""
    keyring = Keyring(_credentials(settings))
    system, admin = settings.system_key, settings.admin_key
    if not (system and admin):
        from vaultcore.vault.deployment import deployment_keys

        made = deployment_keys(settings.home)
        system, admin = system or made[0], admin or made[1]
    return Secrets(keyring, digest(system), digest(admin))


def _credentials(settings: Settings) -> list[Credential]:
    if settings.vault is not None:
        from vaultcore.vault.sealed import unseal

        return unseal(settings.vault, settings.password or "")
    from vaultcore.vault.local import LocalVault

    return LocalVault(settings.home).credentials()
