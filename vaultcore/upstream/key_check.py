"""Checks whether provider keys work, with one cheap call: the list of models, else one token."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Model, Price, Provider, Target
from vaultcore.dialects import RenderedRequest
from vaultcore.errors import GatewayError, NotFound, UpstreamError
from vaultcore.lazy_dataclass import dataclass
from vaultcore.routing.candidate import Candidate
from vaultcore.telemetry import redact
from vaultcore.upstream.client import Upstream
from vaultcore.upstream.provider_request import ProviderRequest, render
from vaultcore.vault.keyring import Credential

TIMEOUT = 15.0  # seconds per key
CONCURRENCY = 4  # keys


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """The result for one key. `reason` says why the key does not work, and quotes no key."""

    credential: Credential
    status: int | None  # that the provider returned; None without a response
    ms: float
    reason: str | None
    date: str | None = None  # the response's `date` header


async def check(
    upstream: Upstream,
    provider: Provider,
    keys: Sequence[Credential],
    catalog: Catalog,
    *,
    seconds: float = TIMEOUT,
) -> list[KeyCheck]:
    """Call a provider once with each key. Return the results in order; a failed call does not raise."""
    model, semaphore = _cheapest(provider, catalog), asyncio.Semaphore(CONCURRENCY)

    async def check_one(key: Credential) -> KeyCheck:
        async with semaphore:
            return await _check(upstream, Candidate(Target(provider, model), key), seconds)

    return list(await asyncio.gather(*map(check_one, keys)))


async def _check(upstream: Upstream, candidate: Candidate, seconds: float) -> KeyCheck:
    key, observed, reason = candidate.credential, _HeaderReader(), None
    now = asyncio.get_running_loop().time
    start = now()
    try:
        async with asyncio.timeout(seconds):
            await _call(upstream, candidate, observed)
    except TimeoutError:
        reason = f"did not answer within {seconds:g} s"
    except UpstreamError as error:
        observed.status = error.upstream_status if observed.status is None else observed.status
        reason = None if observed.lists_models else redact(str(error), key.key)
    except GatewayError as error:
        reason = redact(str(error), key.key)
    return KeyCheck(key, observed.status, round((now() - start) * 1_000, 1), reason, observed.date)


async def _call(upstream: Upstream, candidate: Candidate, observed: _HeaderReader) -> None:
    provider, model = candidate.target.provider, candidate.target.model
    if provider.missing_params:
        raise NotFound(f"its base URL needs {', '.join(provider.missing_params)}: see docs/providers.md")
    if provider.models_path is not None:
        request = ProviderRequest(provider.models_path, RenderedRequest({}), provider.dialect, method="GET")
        await upstream.post(candidate, request, observed)
    elif not model.name:
        raise NotFound("it lists no models, and the catalog knows none")
    else:
        messages: Any = [{"role": "user", "content": "Hi"}]
        body: Any = {"model": model.name, "messages": messages, "max_tokens": 1}
        observed.needs_body = True
        await upstream.complete(candidate, render(candidate.target, body), observed)


class _HeaderReader:
    """Reads a response's headers. A list of models is accepted without reading its body."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.date: str | None = None
        self.needs_body = False  # the body must be a completion
        self.lists_models = False

    def __call__(self, headers: Mapping[str, str], status: int) -> None:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        self.status, self.date = status, headers.get("date")
        self.lists_models = status == 200 and kind == "application/json" and not self.needs_body


def _cheapest(provider: Provider, catalog: Catalog) -> Model:
    """Return the text model with the cheapest output; one without a name if the catalog knows none."""
    models = [catalog.model(provider.name, name) for name in catalog.ids(provider)]
    texts = [model for model in models if model.type == "text"]
    return min(texts, key=lambda model: _output(model.price), default=Model(""))


def _output(price: Price | None) -> float:
    return float("inf") if price is None else price.output
