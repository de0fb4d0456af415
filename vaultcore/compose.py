"""Builds the services from the settings: the only place that chooses implementations."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from vaultcore.admission.admitted_call import Admission
from vaultcore.admission.authenticator import Authenticator
from vaultcore.admission.limiter import Limiter, Notify
from vaultcore.admission.model_names import ModelNames
from vaultcore.admission.owed.journal import OwedJournal
from vaultcore.admission.owed.settlements import NO_JOURNAL
from vaultcore.admission.refusals.collector import RefusalCollector
from vaultcore.alerts.notification import AlertSink
from vaultcore.alerts.outbox import AlertOutbox
from vaultcore.aws.clients import AwsClients
from vaultcore.catalog.load import load
from vaultcore.clock import Clock, SystemClock
from vaultcore.content_log import ContentLog
from vaultcore.control.key_owners import KeyOwners
from vaultcore.control.routes import RouteStore
from vaultcore.control.snapshot import SnapshotReader
from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.errors import ConfigError, StoreUnavailable, VaultError
from vaultcore.gateway.gateway import Gateway
from vaultcore.idempotency.claims import Claims
from vaultcore.lazy_dataclass import dataclass
from vaultcore.ledger.tail import TailCache
from vaultcore.maintenance import LeaseReclaimer, LedgerSealing, Maintenance, SettlementRecovery, Step
from vaultcore.routing.health import Cooldowns, Health
from vaultcore.secrets import LazySecrets, Secrets, SecretSource, digest_key
from vaultcore.services import Services
from vaultcore.settings import Settings
from vaultcore.store.base import Store
from vaultcore.store.memory import MemoryStore
from vaultcore.telemetry import Emf, Log
from vaultcore.tracing import Observer
from vaultcore.upstream.client import Upstream
from vaultcore.upstream.http1.pool import Pool
from vaultcore.upstream.http1.proxy import ProxyRules
from vaultcore.upstream.http1.trust import trust_from_env
from vaultcore.usage.unknown_price import UnknownPrice
from vaultcore.vault.keyring import Credential, Keyring

if TYPE_CHECKING:
    from vaultcore.vault.deployment import DeploymentKeys


def compose(
    settings: Settings, secrets: SecretSource | None = None, *, clock: Clock | None = None
) -> Services:
    """Return all services, wired. Nothing is opened yet: the first request reads the secrets."""
    clock, log, aws = clock or SystemClock(), Log(), AwsClients()
    catalog = load(settings.providers_file, settings.environ)
    source = secrets or secret_source(settings, clock, aws)
    observer = build_observer(settings, clock, log)
    health = Health(Cooldowns(threshold=settings.breaker_threshold), observer.count_open_circuit)
    upstream = Upstream(provider_pool(settings), settings.timeouts)
    store = observer.count_store_errors(open_store(settings.store, clock, aws, settings.environ))
    shared = _Shared(settings, store, source, clock, log)
    routes = RouteStore(store, source, clock, catalog)
    gateway = Gateway(lambda: routes.catalog, source, upstream, clock, health, log)
    authenticator = Authenticator(SnapshotReader(store, routes, log), source, clock, routes.changes)
    keys = VirtualKeys(store, source, clock, authenticator.forget)
    alerts = AlertOutbox(store, alert_sinks(settings, clock), clock, log)
    notify = observer.counting_alerts(alerts.notify)
    limiter = _build_limiter(shared, routes, authenticator, notify, observer)
    admission = _build_admission(shared, gateway, routes, limiter)
    return Services(
        settings=settings,
        routes=routes,
        secrets=source,
        gateway=gateway,
        health=health,
        store=store,
        tails=TailCache(store, clock),
        authenticator=authenticator,
        admission=admission,
        refusals=RefusalCollector(store, clock, log),
        keys=keys,
        key_owners=KeyOwners(store, keys, clock),
        alerts=alerts,
        maintenance=Maintenance(_maintenance_steps(shared, admission, alerts, keys), log),
        claims=Claims(store, source, clock, log, lease=settings.lease),
        clock=clock,
        log=log,
        observer=observer,
    )


def provider_pool(settings: Settings) -> Pool:
    """Return the pool of connections to providers, with the environment's proxy and root certificates.

    Raises ConfigError.
    """
    return Pool(trust_from_env(settings.environ), ProxyRules.from_env(settings.environ))


@dataclass(frozen=True, slots=True)
class _Shared:
    """The dependencies of most services."""

    settings: Settings
    store: Store
    secrets: SecretSource
    clock: Clock
    log: Log


def _build_limiter(
    shared: _Shared, routes: RouteStore, authenticator: Authenticator, notify: Notify, observer: Observer
) -> Limiter:
    settings = shared.settings
    prices = UnknownPrice.parse(settings.unknown_price)
    return Limiter(
        shared.store,
        authenticator,
        shared.clock,
        shared.log,
        notify=notify,
        lease=settings.lease,
        degraded=settings.degraded,
        price_version=prices.version(routes.catalog.price_version),
        journal=owed_journal(settings, shared.clock, shared.log),
        metrics=observer,
    )


def owed_journal(settings: Settings, clock: Clock, log: Log) -> OwedJournal:
    """Return the journal of owed settlements. It opens nothing yet."""
    if settings.owed_queue:
        from vaultcore.admission.owed.queue_journal import QueueJournal
        from vaultcore.aws.sqs import SqsQueue

        return QueueJournal(SqsQueue(settings.owed_queue, clock, environ=settings.environ), log)
    if settings.function or settings.store.startswith("memory:"):
        return NO_JOURNAL
    from vaultcore.admission.owed.file_journal import FileJournal

    return FileJournal(settings.home / "owed", settings.store, log)


def _build_admission(shared: _Shared, gateway: Gateway, routes: RouteStore, limiter: Limiter) -> Admission:
    settings, clock, log = shared.settings, shared.clock, shared.log
    return Admission(
        find_targets=gateway.route,
        limiter=limiter,
        model_names=ModelNames(lambda: routes.catalog, shared.secrets, clock),
        catalog=lambda: routes.catalog,
        prices=UnknownPrice.parse(settings.unknown_price),
        content=ContentLog(shared.store, shared.secrets, clock, log, seconds=settings.keep_content),
        clock=clock,
        log=log,
        lease=settings.lease,
    )


def _maintenance_steps(
    shared: _Shared, admission: Admission, alerts: AlertOutbox, keys: VirtualKeys
) -> dict[str, Step]:
    ledger = LedgerSealing(shared.store, shared.secrets, shared.clock)
    return {
        "owed": admission.limiter.owed.settle_all,
        "charges": SettlementRecovery(shared.store, shared.clock).recover,
        "leases": LeaseReclaimer(shared.store, keys).reclaim,
        "alerts": alerts.deliver,
        "seals": ledger.seal,
        "sums": ledger.add_usage,
    }


def build_observer(settings: Settings, clock: Clock, log: Log) -> Observer:
    """Return the observer with the metrics and spans that the settings switch on."""
    emf = Emf(sys.stdout, clock.now, settings.metrics_namespace) if settings.metrics == "emf" else None
    if settings.otlp_endpoint is None:
        return Observer(clock, emf)
    from vaultcore.tracing.otlp_exporter import OtlpExporter

    resource = {"service.name": settings.service_name, "telemetry.sdk.language": "python"}
    if settings.function:
        resource |= {"cloud.provider": "aws", "faas.name": settings.function}
    endpoint, headers = settings.otlp_endpoint, settings.otlp_headers
    return Observer(
        clock,
        emf,
        OtlpExporter(endpoint, headers, resource, clock, log, sends_in_background=not settings.function),
    )


def alert_sinks(settings: Settings, clock: Clock) -> list[AlertSink]:
    """Return where alerts are delivered. Raises ConfigError."""
    sinks: list[AlertSink] = []
    if settings.alert_topic:
        from vaultcore.alerts.sns import sns_topic

        sinks.append(sns_topic(settings.alert_topic))
    if settings.alert_webhook:
        from vaultcore.alerts.webhook import webhook

        sinks.append(webhook(settings.alert_webhook, settings.alert_webhook_secret, clock))
    return sinks


def open_store(
    url: str, clock: Clock, aws: AwsClients | None = None, environ: Mapping[str, str] | None = None
) -> Store:
    """Return the store of a URL: `memory:`, `sqlite:PATH` or `dynamodb:TABLE`. Nothing is opened yet.

    `environ` may contain AWS's variables; without them botocore searches the region and credentials.
    """
    kind, _, rest = url.partition(":")
    match kind:
        case "memory":
            return MemoryStore(clock)
        case "sqlite" if rest:
            from vaultcore.store.sqlite.store import SQLiteStore

            return SQLiteStore(Path(rest).expanduser(), clock)
        case "dynamodb" if rest:
            from vaultcore.aws.dynamodb import DynamoDBClient
            from vaultcore.store.dynamodb.store import DynamoDBStore

            client = DynamoDBClient(aws.session if aws else None, environ=environ, clock=clock)
            return DynamoDBStore(client, rest, clock, server_now=client.server_now)
        case _:
            text = "must be sqlite:PATH, dynamodb:TABLE or memory:"
            raise ConfigError(f"{text}, not {url!r}", key="VAULTEDGE_STORE")


def secret_source(settings: Settings, clock: Clock, aws: AwsClients | None = None) -> SecretSource:
    """Return the source of secrets: Secrets Manager if its ids are set, else environment or disk."""
    if settings.vault_secret or settings.pepper_secret:
        from vaultcore.aws.secrets import managed_secrets  # importing boto3 takes 120 ms

        return managed_secrets(settings, clock, aws)
    return LazySecrets(lambda: open_local(settings))


def open_local(settings: Settings) -> Secrets:
    """Open this machine's vault. Raises VaultError."""
    keyring = Keyring(_credentials(settings))
    system, admin, pepper = settings.system_key, settings.admin_key, settings.pepper
    if not (system and admin and pepper):
        keys = local_keys(settings)
        system, admin, pepper = system or keys.system, admin or keys.admin, pepper or keys.pepper
    return Secrets(keyring, digest_key(system), digest_key(admin), pepper.encode())


def local_keys(settings: Settings, *, replace_pepper: bool = False) -> DeploymentKeys:
    """Return this machine's keys; generate those that are missing. Raises VaultError.

    If the pepper is missing and the store depends on it, this raises; with `replace_pepper` it deletes what
    depends on the pepper and generates a new one, also if the pepper is damaged.
    """
    from vaultcore.vault.deployment import deployment_keys

    def before_new_pepper(file: Path) -> None:
        if settings.pepper is None and not settings.store.startswith("memory:"):
            work = _prepare_for_new_pepper(settings, file, replace_pepper=replace_pepper)
            with ThreadPoolExecutor(1) as executor:  # the caller may be in a task
                executor.submit(asyncio.run, work).result()

    return deployment_keys(settings.home, before_new_pepper=before_new_pepper, replace_damaged=replace_pepper)


async def _prepare_for_new_pepper(settings: Settings, file: Path, *, replace_pepper: bool) -> None:
    from vaultcore.control import lost_pepper
    from vaultcore.store.unavailable_reason import unavailable_reason
    from vaultcore.vault.deployment import PEPPER_CURE

    clock = SystemClock()
    store = open_store(settings.store, clock, environ=settings.environ)
    try:
        if replace_pepper:
            await lost_pepper.delete_dependents(store, clock.now())
        elif dependents := await lost_pepper.find_dependents(store):
            text = f"{file} is missing, but the store has {dependents} that depend on it"
            raise VaultError(text, hint=PEPPER_CURE)
    except StoreUnavailable as error:
        reason = unavailable_reason(error)
        text = f"{file} is missing, and the store that may depend on it is not available: {reason}"
        raise VaultError(text, hint="make the store available, then start again") from None
    finally:
        await store.aclose()


def _credentials(settings: Settings) -> list[Credential]:
    if settings.vault is not None:
        from vaultcore.vault.sealed import unseal

        return unseal(settings.vault, settings.password or "")
    from vaultcore.vault.local import LocalVault

    return LocalVault(settings.home).credentials()
