"""What the gateway is and how it fares: settings, catalog, health. Read-only, and no secret in any of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from vaultcore.catalog.lookup import listed
from vaultcore.routing.plan import credentials, reachable
from vaultcore.services import Services


def router(services: Services) -> APIRouter:
    api = APIRouter()

    @api.get("/config")
    async def config() -> dict[str, Any]:
        """Effective settings."""
        told = services.settings
        return {
            "strategy": told.strategy,
            "max_retries": told.max_retries,
            "max_key_retries": told.max_key_retries,
            "backoff_seconds": told.backoff,
            "timeouts_seconds": asdict(told.timeouts),
            "max_body_bytes": told.max_body,
            "breaker_threshold": told.breaker_threshold,
            "providers_file": str(told.providers_file) if told.providers_file else None,
            "price_version": services.catalog.price_version,
        }

    @api.get("/health")
    async def health() -> dict[str, Any]:
        """Circuits and reported quota, by key id."""
        return dict(services.health.report(services.clock.now()))

    @api.get("/providers")
    async def providers() -> dict[str, Any]:
        """The catalog, and the masked keys that the vault has for it."""
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

    @api.get("/models")
    async def models() -> dict[str, Any]:
        """The models that the vault's keys can reach."""
        keyring = (await services.secrets.current()).keyring
        within = reachable(services.catalog.providers.values(), keyring)
        return {"data": [asdict(model) for model in listed(services.catalog, within)]}

    return api
