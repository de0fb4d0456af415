"""The models in OpenAI's form, with their prices and capabilities.

https://platform.openai.com/docs/api-reference/models
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from vaultcore.catalog.lookup import ListedModel
from vaultcore.catalog.schema import TOKENS, TOOL_UNITS, Capabilities, HourlyPrice, Model, Price, PriceTier
from vaultcore.money import MILLION, format_usd
from vaultcore.wire import Json


def render_list(models: Sequence[ListedModel], query: Mapping[str, str]) -> Json:  # noqa: ARG001 - no pages
    return {"object": "list", "data": [render_model(model) for model in models]}


def render_model(model: ListedModel) -> Json:
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
