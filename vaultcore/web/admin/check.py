"""`POST /admin/providers/{name}/check`: asks a provider something cheap with each of its keys."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from starlette.requests import Request

from vaultcore.clock import Clock
from vaultcore.errors import LimitExceeded, NotFound
from vaultcore.routing.plan import credentials
from vaultcore.upstream.key_check import check as checked
from vaultcore.web.admin.validation import ServicesDep

PAUSE = 2.0  # seconds between two checks of a provider

api = APIRouter(tags=["providers"])


class CheckedKeyEntry(BaseModel):
    """One key of the vault."""

    id: str
    masked: str
    ok: bool
    status: int | None = Field(description="what the provider answered; null where no answer came")
    ms: float
    reason: str | None = Field(description="why it is not ok")


class ProviderCheck(BaseModel):
    """A provider's keys, each asked once."""

    name: str
    ok: bool = Field(description="every key works, and there is one")
    keys: list[CheckedKeyEntry]


class CheckThrottle:
    """When providers were checked last. One per process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}

    def begin(self, name: str) -> None:
        """Raises LimitExceeded where a provider has been checked just now."""
        now = self._clock.now()
        left = self._last.get(name, -PAUSE) + PAUSE - now
        if left > 0:
            raise LimitExceeded("this provider has been checked just now", retry_after=left)
        self._last[name] = now


@api.post("/providers/{name}/check", response_model=ProviderCheck)
async def check(
    name: Annotated[str, Path(description="as /admin/providers has it")], here: ServicesDep, request: Request
) -> Any:
    """Ask a provider with every key it has in the vault: for its models, or else for one token."""
    provider = here.catalog.provider(name)
    if provider is None:
        raise NotFound("no provider has this name", param="name")
    checks: CheckThrottle = request.app.state.checks
    checks.begin(provider.name)
    keyring = (await here.secrets.current()).keyring
    found = await checked(here.gateway.upstream, provider, credentials(provider, keyring), here.catalog)
    keys = [
        {
            "id": each.credential.id,
            "masked": each.credential.masked,
            "ok": each.reason is None,
            "status": each.status,
            "ms": each.ms,
            "reason": each.reason,
        }
        for each in found
    ]
    return {"name": provider.name, "ok": bool(keys) and all(key["ok"] for key in keys), "keys": keys}
