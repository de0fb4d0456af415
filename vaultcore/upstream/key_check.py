"""Whether a provider's key works: asked with something cheap, its models or else one token."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Model, Price, Provider, Target
from vaultcore.dialects import Rendered
from vaultcore.errors import GatewayError, NotFound, UpstreamError
from vaultcore.routing.plan import Candidate
from vaultcore.telemetry import redact
from vaultcore.upstream.client import ProviderRequest, Upstream, render
from vaultcore.vault.keyring import Credential

LONGEST = 15.0  # seconds that one key's check may take
AT_ONCE = 4  # keys


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of asking with one key. `reason` says why it does not work, and quotes no key."""

    credential: Credential
    status: int | None  # what the provider answered; None where no answer came
    ms: float
    reason: str | None
    date: str | None = None  # as the answer's header has it


async def check(
    upstream: Upstream,
    provider: Provider,
    keys: Sequence[Credential],
    catalog: Catalog,
    *,
    longest: float = LONGEST,
) -> list[Verdict]:
    """Ask a provider once with each of its keys, in their order. Never raises for what a provider does."""
    model, gate = _cheapest(provider, catalog), asyncio.Semaphore(AT_ONCE)

    async def one(key: Credential) -> Verdict:
        async with gate:
            return await _ask(upstream, Candidate(Target(provider, model), key), longest)

    return list(await asyncio.gather(*map(one, keys)))


async def _ask(upstream: Upstream, candidate: Candidate, longest: float) -> Verdict:
    key, heard, reason = candidate.credential, _Heard(), None
    now = asyncio.get_running_loop().time
    began = now()
    try:
        async with asyncio.timeout(longest):
            await _call(upstream, candidate, heard)
    except TimeoutError:
        reason = f"did not answer within {longest:g} s"
    except UpstreamError as error:
        heard.status = error.upstream_status if heard.status is None else heard.status
        reason = None if heard.listed else redact(str(error), key.key)
    except GatewayError as error:
        reason = redact(str(error), key.key)
    return Verdict(key, heard.status, round((now() - began) * 1_000, 1), reason, heard.date)


async def _call(upstream: Upstream, candidate: Candidate, heard: _Heard) -> None:
    provider, model = candidate.target.provider, candidate.target.model
    if provider.missing:
        raise NotFound(f"its address lacks {', '.join(provider.missing)}: see docs/providers.md")
    if provider.models_path is not None:
        asked = ProviderRequest(provider.models_path, Rendered({}), provider.dialect, method="GET")
        await upstream.post(candidate, asked, heard)
    elif not model.name:
        raise NotFound("it lists no models, and none is known to ask")
    else:
        messages: Any = [{"role": "user", "content": "Hi"}]
        request: Any = {"model": model.name, "messages": messages, "max_tokens": 1}
        heard.whole = True
        await upstream.complete(candidate, render(candidate.target, request), heard)


class _Heard:
    """What is known of an answer before its body is: a list of models need not be a JSON object."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.date: str | None = None
        self.whole = False  # the body counts too
        self.listed = False

    def __call__(self, headers: Mapping[str, str], status: int) -> None:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        self.status, self.date = status, headers.get("date")
        self.listed = status == 200 and kind == "application/json" and not self.whole


def _cheapest(provider: Provider, catalog: Catalog) -> Model:
    """The model of which a token costs least; one without a name where none is known."""
    models = [catalog.model(provider.name, name) for name in catalog.ids(provider)]
    texts = [model for model in models if model.type == "text"]
    return min(texts, key=lambda model: _output(model.price), default=Model(""))


def _output(price: Price | None) -> float:
    return float("inf") if price is None else price.output
