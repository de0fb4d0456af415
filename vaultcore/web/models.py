"""GET /v1/models: what the caller's key may use and the vault can reach."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response

from vaultcore.admission.caller import Caller
from vaultcore.catalog.lookup import Listed, listed, listing, resolve
from vaultcore.catalog.schema import TOKENS, Capabilities, Hours, Model, Price, Tier
from vaultcore.errors import NoRoute
from vaultcore.limits.allowlist import permitted
from vaultcore.money import MILLION, usd
from vaultcore.routing.plan import reachable
from vaultcore.services import Services
from vaultcore.web.credentials import recognised
from vaultcore.web.reply import json_reply
from vaultcore.wire import Json

Endpoint = Callable[[Request], Awaitable[Response]]


def index(services: Services) -> Endpoint:
    """All of them, by name."""

    async def answer(request: Request) -> Response:
        caller = await recognised(request, services)
        within = await _within(services)
        models = [each for each in listed(services.catalog, within) if _usable(each, caller, services)]
        return json_reply({"object": "list", "data": [_row(model) for model in models]})

    return answer


def one(services: Services) -> Endpoint:
    """One of them; its name may hold slashes."""

    async def answer(request: Request) -> Response:
        caller = await recognised(request, services)
        within = await _within(services)
        found = listing(request.path_params["id"], services.catalog, within)
        if found is None or not _usable(found, caller, services):
            raise NoRoute("no such model is served here", param="model")
        return json_reply(_row(found))

    return answer


def _usable(model: Listed, caller: Caller, services: Services) -> bool:
    """Whether a key's list lets it use a model, at any provider."""
    models = caller.key.models if caller.key else None
    if models is None:
        return True
    found = resolve(model.id, services.catalog, frozenset(model.providers))
    targets = [target for target in found.targets if target.provider.name in model.providers] if found else []
    routed = found is not None and found.name in services.catalog.routes
    return bool(permitted(models, model.id, targets, routed=routed))


async def _within(services: Services) -> frozenset[str]:
    """The providers that the vault's keys reach."""
    keyring = (await services.secrets.current()).keyring
    return reachable(services.catalog.providers.values(), keyring)


def _row(model: Listed) -> Json:
    return {
        "id": model.id,
        "object": "model",
        "created": 0,  # nobody publishes it for every model; SDKs want a number
        "owned_by": model.owner,
        "type": model.model.type,
        "context_window": model.model.context_window,
        "max_output_tokens": model.model.max_output_tokens,
        "pricing": pricing(model.model),
        "capabilities": _capabilities(model.model.capabilities),
        "providers": list(model.providers),
    }


def pricing(model: Model) -> Json | None:
    """US dollars, as strings: they are exact so. Tokens by the million, requests and pictures one by one."""
    if model.price is None:
        return None
    told = _rates(model.price, model.tiers)
    if model.services:
        told["services"] = {each.name: _rates(each.price, each.tiers) for each in model.services}
    if model.hours:
        told["hours"] = [{**_span(each), **_rates(each.price, each.tiers)} for each in model.hours]
    return told


def _span(hours: Hours) -> Json:
    """Times of day, UTC."""
    named = {"from": hours.begin, "to": hours.end}
    return {name: f"{minute // 60:02}:{minute % 60:02}" for name, minute in named.items()}


def _rates(price: Price, tiers: Sequence[Tier]) -> Json:
    amounts = {name: getattr(price, name) for name in TOKENS}
    told: Json = {name: usd(nanos) for name, nanos in amounts.items() if nanos is not None}
    if price.request is not None:
        told["request"] = usd(price.request // MILLION)
    if price.pictures:
        told["picture"] = {kind or "default": usd(nanos // MILLION) for kind, nanos in price.pictures.items()}
    if tiers:
        told["tiers"] = [{"above": tier.above, **_rates(tier.price, ())} for tier in tiers]
    return told


def _capabilities(known: Capabilities) -> Json:
    """What is known that the model can or cannot do; what nobody has said is left out."""
    return {name: value for name, value in asdict(known).items() if value not in (None, ())}
