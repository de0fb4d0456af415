"""Read-only endpoints about the gateway: settings, health, providers and models. No response has a secret."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter

from vaultcore.catalog.lookup import list_models
from vaultcore.routing.plan import credentials, reachable
from vaultcore.settings import Settings
from vaultcore.web.admin.validation import ServicesDep
from vaultcore.web.model_list.openai import pricing

api = APIRouter()


@api.get("/config", tags=["state"])
async def config(services: ServicesDep) -> dict[str, Any]:
    """Show the effective settings."""
    settings = services.settings
    return {
        "strategy": settings.strategy,
        "max_retries": settings.max_retries,
        "max_key_retries": settings.max_key_retries,
        "backoff_seconds": settings.backoff,
        "timeouts_seconds": asdict(settings.timeouts),
        "max_body_bytes": settings.max_body,
        "breaker_threshold": settings.breaker_threshold,
        "providers_file": str(settings.providers_file) if settings.providers_file else None,
        "price_version": services.catalog.price_version,
        "unknown_price": settings.unknown_price,
        "store": settings.store.partition(":")[0],
        "lease_seconds": settings.lease,
        "alerts": _alert_destinations(settings),
    }


@api.get("/health", tags=["state"])
async def health(services: ServicesDep) -> dict[str, Any]:
    """Show circuit breakers, cooldowns and the quota that providers reported, by provider key id."""
    return dict(services.health.report(services.clock.now()))


@api.get("/providers", tags=["providers"])
async def providers(services: ServicesDep) -> dict[str, Any]:
    """List the providers of the catalog, each with the vault's keys in masked form."""
    keyring = (await services.secrets.current()).keyring
    rows = [
        {
            "name": provider.name,
            "title": provider.title,
            "base_url": provider.base_url,
            "dialect": provider.dialect,
            "keys": [{"id": key.id, "masked": key.masked} for key in credentials(provider, keyring)],
        }
        for provider in services.catalog.providers.values()
    ]
    return {"data": rows}


@api.get("/models", tags=["providers"])
async def models(services: ServicesDep) -> dict[str, Any]:
    """List the models that the vault's keys can reach. `pricing` is in US dollars, as in `/v1/models`."""
    keyring = (await services.secrets.current()).keyring
    catalog = await services.routes.current()
    names = reachable(catalog.providers.values(), keyring)
    entries = list_models(catalog, names)
    return {"data": [{**asdict(entry), "pricing": pricing(entry.model)} for entry in entries]}


def _alert_destinations(settings: Settings) -> dict[str, Any]:
    """Return the SNS topic and the webhook's host. The rest of a webhook's URL is often a secret."""
    webhook = urlsplit(settings.alert_webhook or "")
    return {
        "topic": settings.alert_topic,
        "webhook_host": webhook.hostname,
        "webhook_signed": settings.alert_webhook_secret is not None,
    }
