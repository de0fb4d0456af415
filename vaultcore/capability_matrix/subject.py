"""A simulated provider in this process, asked through the gateway's own client: no socket is opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import httpx

from vaultcore.capability_matrix.answer import Answer, folded, whole
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Provider, Target
from vaultcore.dialects import NAMES, RawEvent
from vaultcore.routing.plan import Candidate
from vaultcore.settings import Timeouts
from vaultcore.simulators import openai
from vaultcore.simulators.faults import FaultScript
from vaultcore.simulators.provider import ProviderBehavior, application
from vaultcore.simulators.server import MANNERS
from vaultcore.upstream.client import Upstream, render
from vaultcore.vault.keyring import Credential
from vaultcore.wire import ChatRequest

KEY = "sk-simulated-0123456789"
BASE = "http://127.0.0.1:9/v1"  # where nobody listens: nothing is sent there


@dataclass(frozen=True, slots=True)
class Subject:
    """A dialect, who simulates it, and the models to try it with."""

    dialect: str
    targets: tuple[Target, ...]
    upstream: Upstream
    studio: Upstream  # where embeddings and pictures are made
    own: bool  # a provider of the catalog speaks it with all its models

    async def buffered(self, target: Target, request: ChatRequest) -> Answer:
        answer = await self.upstream.complete(candidate(target), render(target, request), unheard)
        return whole(answer.completion)

    async def streamed(self, target: Target, request: ChatRequest) -> Answer:
        asked: ChatRequest = {**request, "stream": True}
        pieces = self.upstream.stream(candidate(target), render(target, asked), unheard)
        return folded([piece async for piece in pieces if not isinstance(piece, RawEvent)])


@asynccontextmanager
async def subject(dialect: str, catalog: Catalog) -> AsyncIterator[Subject]:
    """The simulated provider of a dialect, while the context lasts."""
    manners = MANNERS[dialect]
    async with _served(manners, dialect) as chatting, _served(openai, dialect) as studio:
        row = next((each for each in catalog.providers.values() if each.dialect == dialect), None)
        provider = replace(row or Provider("openai", BASE), base_url=BASE, local=True, placeholders={})
        targets = tuple(
            Target(provider, replace(catalog.model(provider.name, name), dialect=dialect))
            for name in manners.MODELS
        )
        made = Upstream(chatting, Timeouts()), Upstream(studio, Timeouts())
        yield Subject(dialect, targets, *made, own=row is not None)


def simulated() -> list[str]:
    """The dialects that somebody simulates."""
    return [name for name in NAMES if name in MANNERS]


def _served(manners: ProviderBehavior, title: str) -> httpx.ASGITransport:
    return httpx.ASGITransport(application(manners, title, (KEY,), FaultScript()))


def candidate(target: Target) -> Candidate:
    return Candidate(target, Credential(target.provider.name, KEY))


def unheard(headers: Mapping[str, str], status: int) -> None:
    """Quotas are nobody's business here."""
