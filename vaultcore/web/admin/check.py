"""`POST /admin/providers/{name}/check`: test each key of a provider with a cheap request."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from starlette.requests import Request

from vaultcore.clock import Clock
from vaultcore.errors import LimitExceeded, NotFound
from vaultcore.routing.plan import credentials
from vaultcore.upstream import key_check
from vaultcore.web.admin.validation import ServicesDep

CHECK_INTERVAL = 2.0  # seconds between two checks of one provider

api = APIRouter(tags=["providers"])


class CheckedKeyEntry(BaseModel):
    """The result for one key of the vault."""

    id: str
    masked: str
    ok: bool
    status: int | None = Field(description="the provider's HTTP status; null if there was no response")
    ms: float
    reason: str | None = Field(description="why the key does not work; null if `ok`")


class ProviderCheck(BaseModel):
    """The results for all keys of a provider."""

    name: str
    ok: bool = Field(description="true if there is at least one key and every key works")
    keys: list[CheckedKeyEntry]


class CheckThrottle:
    """The times of the last check of each provider. One per process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}

    def begin(self, name: str) -> None:
        """Record that a check begins. Raises LimitExceeded within CHECK_INTERVAL of the last one."""
        now = self._clock.now()
        wait = self._last.get(name, -CHECK_INTERVAL) + CHECK_INTERVAL - now
        if wait > 0:
            message = f"this provider was checked less than {CHECK_INTERVAL:g} seconds ago; try again shortly"
            raise LimitExceeded(message, retry_after=wait)
        self._last[name] = now


@api.post("/providers/{name}/check", response_model=ProviderCheck)
async def check(
    name: Annotated[str, Path(description="a `name` of /admin/providers")],
    services: ServicesDep,
    request: Request,
) -> Any:
    """Test each of a provider's keys: list its models, or generate one token if it has no such list."""
    provider = services.catalog.provider(name)
    if provider is None:
        raise NotFound("no provider has this name", param="name")
    throttle: CheckThrottle = request.app.state.checks
    throttle.begin(provider.name)
    keyring = (await services.secrets.current()).keyring
    results = await key_check.check(
        services.gateway.upstream, provider, credentials(provider, keyring), services.catalog
    )
    keys = [
        {
            "id": result.credential.id,
            "masked": result.credential.masked,
            "ok": result.reason is None,
            "status": result.status,
            "ms": result.ms,
            "reason": result.reason,
        }
        for result in results
    ]
    return {"name": provider.name, "ok": bool(keys) and all(key["ok"] for key in keys), "keys": keys}
