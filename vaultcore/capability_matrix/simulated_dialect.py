"""A simulated provider in this process, called through the gateway's own client without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import httpx

from vaultcore.capability_matrix.observed_response import ObservedResponse, from_chunks, from_completion
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Provider, Target
from vaultcore.dialects import DIALECTS, RawEvent
from vaultcore.lazy_dataclass import dataclass
from vaultcore.routing.candidate import Candidate
from vaultcore.settings import Timeouts
from vaultcore.simulators import openai
from vaultcore.simulators.faults import FaultScript
from vaultcore.simulators.provider import ProviderBehavior, application
from vaultcore.simulators.server import BEHAVIORS
from vaultcore.upstream.client import Upstream
from vaultcore.upstream.httpx_transport import HttpxTransport
from vaultcore.upstream.provider_request import render
from vaultcore.vault.keyring import Credential
from vaultcore.wire import ChatRequest

KEY = "sk-simulated-0123456789"
BASE_URL = "http://127.0.0.1:9/v1"  # the discard port; the transport below sends nothing there


@dataclass(frozen=True, slots=True)
class SimulatedDialect:
    """A dialect, its simulated provider, and the models to test."""

    dialect: str
    targets: tuple[Target, ...]
    upstream: Upstream
    media_upstream: Upstream  # for embeddings and images
    has_provider: bool  # a provider of the catalog speaks the dialect with all its models

    async def complete(self, target: Target, request: ChatRequest) -> ObservedResponse:
        provider_request = render(target, request)
        response = await self.upstream.complete(candidate_for(target), provider_request, ignore_headers)
        return from_completion(response.completion)

    async def stream(self, target: Target, request: ChatRequest) -> ObservedResponse:
        streamed: ChatRequest = {**request, "stream": True}
        items = self.upstream.stream(candidate_for(target), render(target, streamed), ignore_headers)
        return from_chunks([item async for item in items if not isinstance(item, RawEvent)])


@asynccontextmanager
async def simulate_dialect(dialect: str, catalog: Catalog) -> AsyncIterator[SimulatedDialect]:
    """Simulate a provider that speaks the dialect, while the context lasts."""
    behavior = BEHAVIORS[dialect]
    chat, media = (_transport(each, dialect) for each in (behavior, openai))
    async with aclosing(chat), aclosing(media):
        row = next((each for each in catalog.providers.values() if each.dialect == dialect), None)
        base = row or Provider("openai", BASE_URL)
        # Without models of `/responses`: the matrix shows this dialect, not a second one of the provider.
        provider = replace(base, base_url=BASE_URL, local=True, placeholders={})
        provider = replace(provider, tools_at_responses=(), search_at_responses=())
        targets = tuple(
            Target(provider, replace(catalog.model(provider.name, name), dialect=dialect))
            for name in behavior.MODELS
        )
        yield SimulatedDialect(
            dialect,
            targets,
            Upstream(chat, Timeouts()),
            Upstream(media, Timeouts()),
            has_provider=row is not None,
        )


def simulated_dialects() -> list[str]:
    """Return the dialects that have a simulated provider."""
    return [name for name in DIALECTS if name in BEHAVIORS]


def candidate_for(target: Target) -> Candidate:
    return Candidate(target, Credential(target.provider.name, KEY))


def ignore_headers(headers: Mapping[str, str], status: int) -> None:
    """Ignore response headers: a simulator has no rate limits."""


def _transport(behavior: ProviderBehavior, title: str) -> HttpxTransport:
    return HttpxTransport(httpx.ASGITransport(application(behavior, title, (KEY,), FaultScript())))
