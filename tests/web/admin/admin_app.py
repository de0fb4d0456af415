"""The gateway in this process, and a client of its admin API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import httpx

from tests.fakes.clock import NOON, FakeClock
from vaultcore.admission.caller import Caller
from vaultcore.admission.grant import Grant
from vaultcore.admission.settlement import FinalStatus, settlement
from vaultcore.app import create_app
from vaultcore.call import Call
from vaultcore.compose import compose
from vaultcore.limits.account import Lease
from vaultcore.limits.reservation import Reservation
from vaultcore.limits.virtual_key import VirtualKey
from vaultcore.money import Nanos
from vaultcore.routing.attempts import Attempt, RetryPolicy
from vaultcore.routing.candidate import Candidate
from vaultcore.secrets import FixedSecrets, Secrets, digest_key
from vaultcore.services import Services
from vaultcore.settings import Settings
from vaultcore.usage.request_estimate import RequestEstimate
from vaultcore.vault.keyring import Credential, Keyring

SYSTEM, ADMIN = "ve-" + "5" * 40, "va-" + "6" * 40
Json = dict[str, Any]
Client = httpx.AsyncClient
T = TypeVar("T")


def admin_services(keys: Iterable[tuple[str, str]] = (), *, now: float = NOON, **settings: Any) -> Services:
    """Return the gateway's services, with an in-memory store unless `store` is set."""
    clock = FakeClock()
    clock.time = now
    keyring = Keyring(Credential(name, key) for name, key in keys)
    secrets = FixedSecrets(Secrets(keyring, digest_key(SYSTEM), digest_key(ADMIN), b"pepper"))
    return compose(Settings(**settings), secrets, clock=clock)


def run_admin(services: Services, scenario: Callable[[Client], Awaitable[T]], key: str = ADMIN) -> T:
    """Run a scenario with a client of the admin API that has a key; return its result."""
    app = create_app(services)

    async def run() -> T:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with Client(transport=transport, base_url="http://gateway/admin", headers=headers) as client:
            try:
                return await scenario(client)
            finally:
                await services.gateway.upstream.aclose()
                await services.store.aclose()

    return asyncio.run(run())


async def record_request(
    services: Services,
    id: str,
    *,
    at: float = NOON,
    key: VirtualKey | None = None,
    caller: Caller | None = None,
    model: str = "openai/gpt-4o",
    status: int = 200,
    tokens: tuple[int, int] = (7, 5),
    cost: int | None = 1_000,
) -> None:
    """Settle a finished request, as admission does."""
    caller = caller or Caller(key)
    call = Call(id, {"model": model, "messages": []}, at - 0.25, RetryPolicy(), path="/v1/chat/completions")
    provider = services.catalog.provider(model.partition("/")[0])
    if provider is not None and status < 400:
        target = services.catalog.target(provider, model.partition("/")[2])
        candidate = Candidate(target, Credential(provider.name, "sk-0123456789"))
        attempt = Attempt(candidate, services.health, services.clock)
        with attempt.absorbing_failures():
            call.outcome.attempts.append(attempt)
        prompt, completion = tokens
        call.outcome.usage = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        call.outcome.cost = None if cost is None else Nanos(cost)
    lease, reserved = Lease(at, at + 960.0), any(level.limits.has_any for level in caller.levels)
    if reserved:
        await services.store.reserve(Reservation(id, caller.levels, lease))
    grant = Grant(caller, RequestEstimate(0, 0, 0), caller.levels, lease, is_reserved=reserved)
    await services.store.settle(settlement(grant, call, FinalStatus(status, at, None, "prices-1")))
