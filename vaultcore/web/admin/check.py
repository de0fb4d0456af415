"""`POST /admin/providers/{name}/check`: asks a provider something cheap with each of its keys."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from starlette.requests import Request

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Model, Price, Provider, Target
from vaultcore.clock import Clock
from vaultcore.dialects import Rendered
from vaultcore.errors import GatewayError, LimitExceeded, NotFound, UpstreamError
from vaultcore.observe import redact
from vaultcore.routing.plan import Candidate, credentials
from vaultcore.upstream.client import Asked, Upstream, render
from vaultcore.vault.keyring import Credential
from vaultcore.web.admin.asking import House
from vaultcore.wire import Json

PAUSE = 2.0  # seconds between two checks of a provider
LONGEST = 15.0  # seconds that one key's check may take
AT_ONCE = 4  # keys

api = APIRouter(tags=["providers"])


class CheckedKey(BaseModel):
    """One key of the vault."""

    id: str
    masked: str
    ok: bool
    status: int | None = Field(description="what the provider answered; null where no answer came")
    ms: float
    reason: str | None = Field(description="why it is not ok")


class Checked(BaseModel):
    """A provider's keys, each asked once."""

    name: str
    ok: bool = Field(description="every key works, and there is one")
    keys: list[CheckedKey]


class Checks:
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


@api.post("/providers/{name}/check", response_model=Checked)
async def check(
    name: Annotated[str, Path(description="as /admin/providers has it")], here: House, request: Request
) -> Any:
    """Ask a provider with every key it has in the vault: for its models, or else for one token."""
    provider = here.catalog.provider(name)
    if provider is None:
        raise NotFound("no provider has this name", param="name")
    checks: Checks = request.app.state.checks
    checks.begin(provider.name)
    keyring = (await here.secrets.current()).keyring
    question = Question(here.gateway.upstream, here.catalog, asyncio.Semaphore(AT_ONCE))
    held = credentials(provider, keyring)
    told = await asyncio.gather(*(question.ask(_candidate(provider, key, here.catalog)) for key in held))
    return {"name": provider.name, "ok": bool(told) and all(each["ok"] for each in told), "keys": told}


class Question:
    """The cheap call, and what came of it."""

    def __init__(self, upstream: Upstream, catalog: Catalog, gate: asyncio.Semaphore) -> None:
        self._upstream, self._catalog, self._gate = upstream, catalog, gate

    async def ask(self, candidate: Candidate) -> Json:
        """What a key's check tells. Never raises for what a provider does."""
        key, said, reason = candidate.credential, _Said(), None
        async with self._gate:
            now = asyncio.get_running_loop().time
            began = now()
            try:
                async with asyncio.timeout(LONGEST):
                    await self._call(candidate, said)
            except TimeoutError:
                reason = f"did not answer within {LONGEST:g} s"
            except UpstreamError as error:
                said.status = error.upstream_status if said.status is None else said.status
                reason = None if said.lists else redact(str(error), key.key)
            except GatewayError as error:
                reason = redact(str(error), key.key)
            ms = round((now() - began) * 1_000, 1)
        told = {"id": key.id, "masked": key.masked, "ok": reason is None}
        return {**told, "status": said.status, "ms": ms, "reason": reason}

    async def _call(self, candidate: Candidate, said: _Said) -> None:
        target = candidate.target
        if target.provider.missing:
            raise NotFound(f"its address lacks {', '.join(target.provider.missing)}: see docs/providers.md")
        if target.provider.models_path is not None:
            asked = Asked(target.provider.models_path, Rendered({}), target.provider.dialect, method="GET")
            await self._upstream.post(candidate, asked, said)
        elif not target.model.name:
            raise NotFound("lists no models, and none is known to ask")
        else:
            messages: Any = [{"role": "user", "content": "Hi"}]
            request: Any = {"model": target.model.name, "messages": messages, "max_tokens": 1}
            await self._upstream.complete(candidate, render(target, request), said)


class _Said:
    """What is heard of an answer before its body: a list of models need not be an object."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.lists = False

    def __call__(self, headers: Mapping[str, str], status: int) -> None:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        self.status, self.lists = status, status == 200 and kind == "application/json"


def _candidate(provider: Provider, key: Credential, catalog: Catalog) -> Candidate:
    return Candidate(Target(provider, catalog.model(provider.name, _cheapest(provider, catalog))), key)


def _cheapest(provider: Provider, catalog: Catalog) -> str:
    """The name of the model that a token costs least of; none where none is known."""
    models = [catalog.model(provider.name, name) for name in catalog.ids(provider)]
    texts = [model for model in models if model.type == "text"]
    return min(texts, key=lambda model: _output(model.price), default=Model("")).name


def _output(price: Price | None) -> float:
    return float("inf") if price is None else price.output
