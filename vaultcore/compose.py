"""Settings in, services out: which adapter stands behind which seam is decided here and nowhere else."""

from __future__ import annotations

import sys
from pathlib import Path

from vaultcore.aws.clients import Aws
from vaultcore.catalog.load import load
from vaultcore.clock import Clock, SystemClock
from vaultcore.errors import ConfigError
from vaultcore.gate.alerts import Alerts
from vaultcore.gate.claims import Claims
from vaultcore.gate.content import Content
from vaultcore.gate.doorman import Doorman
from vaultcore.gate.gate import Gate
from vaultcore.gate.keys import Keys
from vaultcore.gate.notice import Sink
from vaultcore.gate.routes import Routes
from vaultcore.gate.upkeep import Leases, Seals, Step, Upkeep
from vaultcore.gateway import Gateway
from vaultcore.observe import Emf, Log
from vaultcore.routing.health import Health, Rests
from vaultcore.secrets import OpenedOnce, Secrets, SecretSource, digest
from vaultcore.services import Services
from vaultcore.settings import Settings
from vaultcore.store.base import Store
from vaultcore.store.memory import MemoryStore
from vaultcore.upstream.client import Upstream
from vaultcore.upstream.transport import Pool
from vaultcore.usage.unknown import UnknownPrice
from vaultcore.vault.keyring import Credential, Keyring
from vaultcore.watch import Watch


def compose(
    settings: Settings, secrets: SecretSource | None = None, *, clock: Clock | None = None
) -> Services:
    """Wire the gateway up. Opens nothing yet: secrets are read when the first request needs them."""
    clock = clock or SystemClock()
    log = Log()
    catalog = load(settings.providers_file, settings.environ)
    aws = Aws()
    source = secrets or secret_source(settings, clock, aws)
    watch = watching(settings, clock, log)
    health = Health(Rests(threshold=settings.breaker_threshold), watch.opened)
    upstream = Upstream(Pool(), settings.timeouts)
    store = watch.store(open_store(settings.store, clock, aws))
    routes = Routes(store, source, clock, catalog)
    gateway = Gateway(lambda: routes.catalog, source, upstream, clock, health, log)
    doorman = Doorman(store, source, clock, log, routes.heard)
    prices = UnknownPrice.parse(settings.unknown_price)
    gate = Gate(
        store,
        doorman,
        clock,
        log,
        lease=settings.lease,
        degraded=settings.degraded,
        price_version=prices.version(catalog.price_version),
    )
    keys = Keys(store, source, clock, doorman.forget)
    alerts = Alerts(store, alert_sinks(settings, clock), clock, log)
    gate.notify = watch.heard(alerts.notify)
    steps: dict[str, Step] = {
        "owed": gate.pay,
        "leases": Leases(store, keys).give_back,
        "alerts": alerts.deliver,
        "seals": Seals(store, source, clock).seal,
    }
    return Services(
        settings=settings,
        routes=routes,
        secrets=source,
        gateway=gateway,
        health=health,
        store=store,
        doorman=doorman,
        gate=gate,
        keys=keys,
        alerts=alerts,
        upkeep=Upkeep(steps, log),
        content=Content(store, source, clock, log, seconds=settings.keep_content),
        claims=Claims(store, source, clock, log, lease=settings.lease),
        prices=prices,
        clock=clock,
        log=log,
        watch=watch,
    )


def watching(settings: Settings, clock: Clock, log: Log) -> Watch:
    """The metrics and spans that the settings ask for."""
    emf = Emf(sys.stdout, clock.now, settings.metrics_namespace) if settings.metrics == "emf" else None
    if settings.otlp_endpoint is None:
        return Watch(clock, emf)
    from vaultcore.watch.exporter import Exporter

    told = {"service.name": settings.service_name, "telemetry.sdk.language": "python"}
    if settings.function:
        told |= {"cloud.provider": "aws", "faas.name": settings.function}
    endpoint, headers = settings.otlp_endpoint, settings.otlp_headers
    return Watch(clock, emf, Exporter(endpoint, headers, told, clock, log, gathers=not settings.function))


def alert_sinks(settings: Settings, clock: Clock) -> list[Sink]:
    """Whom alerts are sent to. Raises ConfigError."""
    sinks: list[Sink] = []
    if settings.alert_topic:
        from vaultcore.gate.topic import topic

        sinks.append(topic(settings.alert_topic))
    if settings.alert_webhook:
        from vaultcore.gate.webhook import webhook

        sinks.append(webhook(settings.alert_webhook, settings.alert_webhook_secret, clock))
    return sinks


def open_store(url: str, clock: Clock, aws: Aws | None = None) -> Store:
    """The store of a URL: `memory:`, `sqlite:PATH` or `dynamodb:TABLE`. Opens nothing yet."""
    kind, _, rest = url.partition(":")
    match kind:
        case "memory":
            return MemoryStore(clock)
        case "sqlite" if rest:
            from vaultcore.store.sqlite import SqliteStore  # each is imported where it is chosen

            return SqliteStore(Path(rest).expanduser(), clock)
        case "dynamodb" if rest:
            from vaultcore.aws.dynamo import Dynamo
            from vaultcore.store.dynamo import DynamoStore

            return DynamoStore(Dynamo(aws.session if aws else None), rest, clock)
        case _:
            said = "must be sqlite:PATH, dynamodb:TABLE or memory:"
            raise ConfigError(f"{said}, not {url!r}", key="VAULTEDGE_STORE")


def secret_source(settings: Settings, clock: Clock, aws: Aws | None = None) -> SecretSource:
    """Secrets Manager where its ids are set, else the environment's vault string, else the one on disk."""
    if settings.vault_secret or settings.pepper_secret:
        from vaultcore.aws.secrets import managed_secrets  # boto3 is only paid for where it is used

        return managed_secrets(settings, clock, aws)
    return OpenedOnce(lambda: open_local(settings))


def open_local(settings: Settings) -> Secrets:
    """Open the vault of this machine. Raises VaultError."""
    keyring = Keyring(_credentials(settings))
    system, admin, pepper = settings.system_key, settings.admin_key, settings.pepper
    if not (system and admin and pepper):
        from vaultcore.vault.deployment import deployment_keys

        made = deployment_keys(settings.home)
        system, admin, pepper = system or made.system, admin or made.admin, pepper or made.pepper
    return Secrets(keyring, digest(system), digest(admin), pepper.encode())


def _credentials(settings: Settings) -> list[Credential]:
    if settings.vault is not None:
        from vaultcore.vault.sealed import unseal

        return unseal(settings.vault, settings.password or "")
    from vaultcore.vault.local import LocalVault

    return LocalVault(settings.home).credentials()
