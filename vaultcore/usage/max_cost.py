"""The maximum cost of a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter

from vaultcore.catalog.schema import TOKENS, HourlyPrice, Model, Price, ServiceTier
from vaultcore.money import Nanos, micro_nanos, round_up
from vaultcore.usage import units
from vaultcore.usage.tool_charges import max_tool_cost

MAX_IMAGES = 10  # per request
# Written in C: a look at 17 rates took 17 Python calls.
_PROMPT_RATES = attrgetter(*(name for name in units.PROMPT if name in TOKENS))
_COMPLETION_RATES = attrgetter(*(name for name in units.COMPLETION if name in TOKENS))


def max_cost(
    prompt: int,
    completion: int,
    model: Model,
    *,
    images: int = MAX_IMAGES,
    tools: Mapping[str, object] | None = None,
) -> Nanos | None:
    """Return the most nano-dollars that up to this many tokens and images can cost; None without a price.

    The bound holds for every price that can apply: cached, reasoning and audio tokens, every tier, hour and
    region. `tools` is the client's body: the provider's tools that it turns on are added.
    """
    prices = _prices(model, prompt)
    if not prices:
        return None
    region = max((100, *model.regions.values()))  # per cent
    totals = [
        -(-region * _tokens_cost(prompt, completion, price) // 100)
        + micro_nanos(max(images, 0), max(price.pictures.values(), default=0))
        + (price.request or 0)
        for price in prices
    ]
    return Nanos(round_up(max(totals)) + (max_tool_cost(tools, model) if tools is not None else 0))


def _tokens_cost(prompt: int, completion: int, price: Price) -> int:
    """Return the most that tokens can cost, in millionths of a nano-dollar."""
    input_rate = max(filter(None, _PROMPT_RATES(price)), default=0)
    output_rate = max(filter(None, _COMPLETION_RATES(price)), default=0)
    return micro_nanos(max(prompt, 0), input_rate) + micro_nanos(max(completion, 0), output_rate)


def _prices(model: Model, prompt: int) -> Sequence[Price]:
    """Return every price that can apply to a prompt of up to this many tokens."""
    if model.price is None:
        return ()
    if not (model.services or model.hours or model.tiers):
        return (model.price,)
    special: tuple[ServiceTier | HourlyPrice, ...] = (*model.services, *model.hours)
    tiers = [*model.tiers, *(tier for each in special for tier in each.tiers)]
    return (
        model.price,
        *(each.price for each in special),
        *(tier.price for tier in tiers if tier.above < prompt),
    )
