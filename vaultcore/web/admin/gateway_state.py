"""What the gateway is and how it fares: settings, catalog, health. Read-only, and no secret in any of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter

from vaultcore.catalog.lookup import list_models
from vaultcore.routing.plan import credentials, reachable
from vaultcore.settings import Settings
from vaultcore.web.admin.validation import ServicesDep
from vaultcore.web.models import pricing

api = APIRouter()


@api.get("/config", tags=["state"])
async def config(here: ServicesDep) -> dict[str, Any]:
    """Effective settings."""
    told = here.settings
    return {
        "strategy": told.strategy,
        "max_retries": told.max_retries,
        "max_key_retries": told.max_key_retries,
        "backoff_seconds": told.backoff,
        "timeouts_seconds": asdict(told.timeouts),
        "max_body_bytes": told.max_body,
        "breaker_threshold": told.breaker_threshold,
        "providers_file": str(told.providers_file) if told.providers_file else None,
        "price_version": here.catalog.price_version,
        "unknown_price": told.unknown_price,
        "store": told.store.partition(":")[0],
        "lease_seconds": told.lease,
        "alerts": _sinks(told),
    }


@api.get("/health", tags=["state"])
async def health(here: ServicesDep) -> dict[str, Any]:
    """Circuits and reported quota, by key id."""
    return dict(here.health.report(here.clock.now()))


@api.get("/providers", tags=["providers"])
async def providers(here: ServicesDep) -> dict[str, Any]:
    """The catalog, and the masked keys that the vault has for it."""
    keyring = (await here.secrets.current()).keyring
    rows = [
        {
            "name": provider.name,
            "title": provider.title,
            "base_url": provider.base_url,
            "dialect": provider.dialect,
            "keys": [{"id": key.id, "masked": key.masked} for key in credentials(provider, keyring)],
        }
        for provider in here.catalog.providers.values()
    ]
    return {"data": rows}


@api.get("/models", tags=["providers"])
async def models(here: ServicesDep) -> dict[str, Any]:
    """The models that the vault's keys can reach; `pricing` is in US dollars, as `/v1/models` has it."""
    keyring = (await here.secrets.current()).keyring
    catalog = await here.routes.current()
    within = reachable(catalog.providers.values(), keyring)
    found = list_models(catalog, within)
    return {"data": [{**asdict(each), "pricing": pricing(each.model)} for each in found]}


def _sinks(told: Settings) -> dict[str, Any]:
    """Where alerts go. Of a webhook only its host: the rest of such an address is often a secret."""
    webhook = urlsplit(told.alert_webhook or "")
    return {
        "topic": told.alert_topic,
        "webhook_host": webhook.hostname,
        "webhook_signed": told.alert_webhook_secret is not None,
    }
