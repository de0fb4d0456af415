"""Settings in, services out: which adapter stands behind which seam is decided here and nowhere else."""

from __future__ import annotations

import sys
from pathlib import Path

from vaultcore.admission.authenticator import Authenticator
from vaultcore.admission.limiter import Limiter
from vaultcore.alerts.notification import AlertSink
from vaultcore.alerts.outbox import AlertOutbox
from vaultcore.aws.clients import Aws
from vaultcore.catalog.load import load
from vaultcore.clock import Clock, SystemClock
from vaultcore.content_log import ContentLog
from vaultcore.control.routes import RouteStore
from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.errors import ConfigError
from vaultcore.gateway.gateway import Gateway
from vaultcore.idempotency.claims import Claims
from vaultcore.maintenance import LeaseReclaimer, LedgerSealing, Maintenance, Step
from vaultcore.routing.health import Cooldowns, Health
from vaultcore.secrets import OpenedOnce, Secrets, SecretSource, digest
from vaultcore.services import Services
from vaultcore.settings import Settings
from vaultcore.store.base import Store
from vaultcore.store.memory import MemoryStore
from vaultcore.telemetry import Emf, Log
from vaultcore.tracing import Observer
from vaultcore.upstream.client import Upstream
from vaultcore.upstream.http1.pool import Pool
from vaultcore.usage.unknown_price import UnknownPrice
from vaultcore.vault.keyring import Credential, Keyring


def compose(
    settings: Settings, secrets: SecretSource | None = None, *, clock: Clock | None = None
) -> Services:
    """Wire the gateway up. Opens nothing yet: secrets are read when the first request needs them."""
    clock = clock or SystemClock()
    log = Log()
    catalog = load(settings.providers_file, settings.environ)
    aws = Aws()
    source = secrets or secret_source(settings, clock, aws)
    observer = watching(settings, clock, log)
    health = Health(Cooldowns(threshold=settings.breaker_threshold), observer.opened)
    upstream = Upstream(Pool(), settings.timeouts)
    store = observer.store(open_store(settings.store, clock, aws))
    routes = RouteStore(store, source, clock, catalog)
    gateway = Gateway(lambda: routes.catalog, source, upstream, clock, health, log)
    doorman = Authenticator(store, source, clock, log, routes.heard)
    prices = UnknownPrice.parse(settings.unknown_price)
    limiter = Limiter(
        store,
        doorman,
        clock,
        log,
        lease=settings.lease,
        degraded=settings.degraded,
        price_version=prices.version(catalog.price_version),
    )
    keys = VirtualKeys(store, source, clock, doorman.forget)
    alerts = AlertOutbox(store, alert_sinks(settings, clock), clock, log)
    limiter.notify = observer.heard(alerts.notify)
    steps: dict[str, Step] = {
        "owed": limiter.pay,
        "leases": LeaseReclaimer(store, keys).give_back,
        "alerts": alerts.deliver,
        "seals": LedgerSealing(store, source, clock).seal,
    }
    return Services(
        settings=settings,
        routes=routes,
        secrets=source,
        gateway=gateway,
        health=health,
        store=store,
        authenticator=doorman,
        limiter=limiter,
        keys=keys,
        alerts=alerts,
        maintenance=Maintenance(steps, log),
        content=ContentLog(store, source, clock, log, seconds=settings.keep_content),
        claims=Claims(store, source, clock, log, lease=settings.lease),
        prices=prices,
        clock=clock,
        log=log,
        observer=observer,
    )


def watching(settings: Settings, clock: Clock, log: Log) -> Observer:
    """The metrics and spans that the settings ask for."""
    emf = Emf(sys.stdout, clock.now, settings.metrics_namespace) if settings.metrics == "emf" else None
    if settings.otlp_endpoint is None:
        return Observer(clock, emf)
    from vaultcore.tracing.otlp_exporter import Exporter

    told = {"service.name": settings.service_name, "telemetry.sdk.language": "python"}
    if settings.function:
        told |= {"cloud.provider": "aws", "faas.name": settings.function}
    endpoint, headers = settings.otlp_endpoint, settings.otlp_headers
    return Observer(clock, emf, Exporter(endpoint, headers, told, clock, log, gathers=not settings.function))


def alert_sinks(settings: Settings, clock: Clock) -> list[AlertSink]:
    """Whom alerts are sent to. Raises ConfigError."""
    sinks: list[AlertSink] = []
    if settings.alert_topic:
        from vaultcore.alerts.sns import topic

        sinks.append(topic(settings.alert_topic))
    if settings.alert_webhook:
        from vaultcore.alerts.webhook import webhook

        sinks.append(webhook(settings.alert_webhook, settings.alert_webhook_secret, clock))
    return sinks


def open_store(url: str, clock: Clock, aws: Aws | None = None) -> Store:
    """The store of a URL: `memory:`, `sqlite:PATH` or `dynamodb:TABLE`. Opens nothing yet."""
    kind, _, rest = url.partition(":")
    match kind:
        case "memory":
            return MemoryStore(clock)
        case "sqlite" if rest:
            from vaultcore.store.sqlite.store import SqliteStore  # each is imported where it is chosen

            return SqliteStore(Path(rest).expanduser(), clock)
        case "dynamodb" if rest:
            from vaultcore.aws.dynamo import Dynamo
            from vaultcore.store.dynamodb.store import DynamoStore

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
