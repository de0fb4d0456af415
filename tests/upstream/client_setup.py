"""Calls to a fake provider: candidates, requests, and complete calls with their own pool."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from vaultcore.catalog.schema import Auth, Model, Provider, Target
from vaultcore.routing.candidate import Candidate
from vaultcore.settings import Timeouts
from vaultcore.upstream.client import Upstream
from vaultcore.upstream.http1.pool import Pool
from vaultcore.upstream.provider_request import ProviderRequest, render
from vaultcore.vault.keyring import Credential
from vaultcore.wire import ChatRequest

KEY = "sk-marker-0123456789abcdef"
REQUEST: ChatRequest = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
SHORT = Timeouts(connect=0.2, first_token=0.3, idle=0.3, total=0.6, stream=2.0)
DIALECTS = ("openai", "anthropic")
TEXT = "Hello from a fake provider."


def candidate(base_url: str, dialect: str = "openai", key: str = KEY, **row: Any) -> Candidate:
    """Return a candidate at a base URL; `row` overrides fields of its catalog row."""
    auth = Auth("x-api-key", "") if dialect == "anthropic" else Auth()
    row = {"local": True, "auth": auth, "title": "Acme", **row}
    return Candidate(
        Target(Provider("acme", base_url, dialect=dialect, **row), Model("m", max_output_tokens=100)),
        Credential("acme", key),
    )


def request_for(at: Candidate, request: ChatRequest = REQUEST) -> ProviderRequest:
    """Return a buffered request, rendered for a candidate."""
    return render(at.target, request)


def stream_request_for(at: Candidate) -> ProviderRequest:
    """Return a streamed request, rendered for a candidate."""
    return render(at.target, {**REQUEST, "stream": True})


async def complete(at: Candidate, timeouts: Timeouts = SHORT, on_headers: Any = lambda *_: None) -> Any:
    """Return the completion of one call over a new pool."""
    async with aclosing(Pool()) as http:
        return (await Upstream(http, timeouts).complete(at, request_for(at), on_headers)).completion


async def stream(at: Candidate, timeouts: Timeouts = SHORT, received: list[Any] | None = None) -> list[Any]:
    """Return all chunks of one streamed call. `received` collects them even if the call fails."""
    chunks = [] if received is None else received
    async with aclosing(Pool()) as http:
        upstream = Upstream(http, timeouts)
        async with aclosing(upstream.stream(at, stream_request_for(at), lambda *_: None)) as items:
            async for chunk in items:
                chunks.append(chunk)
    return chunks


def text(chunks: list[Any]) -> str:
    """Return the text of chunks."""
    return "".join(
        choice["delta"].get("content") or "" for chunk in chunks for choice in chunk.get("choices", [])
    )
