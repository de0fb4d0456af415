"""`GET /v1/models` and `/v1/models/{id}`: the models that the key may use and the vault can reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response

from vaultcore.admission.caller import Caller
from vaultcore.catalog.lookup import ListedModel, find_listing, list_models, resolve_name
from vaultcore.catalog.schema import TOKENS, TOOL_UNITS, Capabilities, HourlyPrice, Model, Price, PriceTier
from vaultcore.errors import NoRoute
from vaultcore.limits.allowlist import allowed_targets
from vaultcore.money import MILLION, format_usd
from vaultcore.routing.plan import reachable
from vaultcore.services import Services
from vaultcore.web.credentials import authenticate
from vaultcore.web.data_endpoint import Handler
from vaultcore.web.reply import json_response
from vaultcore.wire import Json


def models_endpoint(services: Services) -> Handler:
    """Return the handler that lists all models by name."""

    async def handle(request: Request) -> Response:
        caller = await authenticate(request, services)
        providers = await _reachable(services)
        models = [
            each for each in list_models(services.catalog, providers) if _usable(each, caller, services)
        ]
        return json_response({"object": "list", "data": [_row(model) for model in models]})

    return handle


def model_endpoint(services: Services) -> Handler:
    """Return the handler for one model; its name may contain slashes."""

    async def handle(request: Request) -> Response:
        caller = await authenticate(request, services)
        listing = find_listing(request.path_params["id"], services.catalog, await _reachable(services))
        if listing is None or not _usable(listing, caller, services):
            error, models = NoRoute("this gateway serves no such model", param="model"), _allowlist(caller)
            raise await services.admission.model_names.explain(error, request.path_params["id"], models)
        return json_response(_row(listing))

    return handle


def _usable(model: ListedModel, caller: Caller, services: Services) -> bool:
    """Return True if the key's list of models allows this one, at any provider."""
    models = _allowlist(caller)
    if models is None:
        return True
    route = resolve_name(model.id, services.catalog, frozenset(model.providers))
    targets = [target for target in route.targets if target.provider.name in model.providers] if route else []
    routed = route is not None and route.name in services.catalog.routes
    return bool(allowed_targets(models, model.id, targets, routed=routed))


def _allowlist(caller: Caller) -> Sequence[str] | None:
    return caller.key.models if caller.key else None


async def _reachable(services: Services) -> frozenset[str]:
    """Return the names of the providers that the vault has keys for."""
    keyring = (await services.secrets.current()).keyring
    return reachable(services.catalog.providers.values(), keyring)


def _row(model: ListedModel) -> Json:
    return {
        "id": model.id,
        "object": "model",
        "created": 0,  # not published for every model; SDKs require a number
        "owned_by": model.owner,
        "type": model.model.type,
        "context_window": model.model.context_window,
        "max_output_tokens": model.model.max_output_tokens,
        "pricing": pricing(model.model),
        "capabilities": _capabilities(model.model.capabilities),
        "providers": list(model.providers),
    }


def pricing(model: Model) -> Json | None:
    """Return a model's prices in US dollars, as exact strings.

    They are per million tokens, per request, per image and per use of a provider's tool. `regions` are
    factors of the token prices.
    """
    if model.price is None:
        return None
    prices = _rates(model.price, model.tiers)
    if model.services:
        prices["services"] = {each.name: _rates(each.price, each.tiers) for each in model.services}
    if model.hours:
        prices["hours"] = [{**_span(each), **_rates(each.price, each.tiers)} for each in model.hours]
    if tools := {unit: model.tool_prices[unit] for unit in TOOL_UNITS if unit in model.tool_prices}:
        prices["tools"] = {unit: format_usd(nanos // MILLION) for unit, nanos in tools.items()}
    if model.regions:
        prices["regions"] = {region: format_usd(percent * 10**7) for region, percent in model.regions.items()}
    return prices


def _span(hours: HourlyPrice) -> Json:
    """Return times of day, UTC."""
    times = {"from": hours.begin, "to": hours.end}
    return {name: f"{minute // 60:02}:{minute % 60:02}" for name, minute in times.items()}


def _rates(price: Price, tiers: Sequence[PriceTier]) -> Json:
    amounts = {name: getattr(price, name) for name in TOKENS}
    rates: Json = {name: format_usd(nanos) for name, nanos in amounts.items() if nanos is not None}
    if price.request is not None:
        rates["request"] = format_usd(price.request // MILLION)
    if price.pictures:
        rates["picture"] = {
            kind or "default": format_usd(nanos // MILLION) for kind, nanos in price.pictures.items()
        }
    if tiers:
        rates["tiers"] = [{"above": tier.above, **_rates(tier.price, ())} for tier in tiers]
    return rates


def _capabilities(known: Capabilities) -> Json:
    """Return the capabilities that are known; unknown ones are absent."""
    return {name: value for name, value in asdict(known).items() if value not in (None, ())}
