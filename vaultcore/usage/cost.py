"""What an answer cost: its usage at the catalog's prices, in nano-dollars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vaultcore.catalog.schema import Hours, Model, Price, Service
from vaultcore.money import Nanos, settled, times
from vaultcore.usage import units
from vaultcore.wire import ChatChunk, ChatCompletion, Usage


def cost(usage: Usage, model: Model, at: float | None = None) -> Nanos | None:
    """The price of an answer, rounded up to a whole nano-dollar; None where price or usage is unknown.

    `at` is when it was asked for, in seconds since 1970: some prices depend on the hour.
    """
    made = applied(usage, model, at)
    return None if made is None else recomputed(made)


def applied(usage: Usage, model: Model, at: float | None = None) -> dict[str, list[int]] | None:
    """What the cost is made of: of each unit how many, and the nano-dollars per million of them.

    Plain numbers, to be kept with a record: `recomputed` makes the same cost of them when prices are others.
    """
    prompt = units.number(usage.get("prompt_tokens")) or 0
    price = price_at(model, prompt, usage.get("service_tier"), at)
    if price is None:
        return None
    made: dict[str, list[int]] = {}
    counts = units.tokens(usage)
    for unit, count in (counts or {}).items():
        if count:
            name, rate = units.rate(unit, price)
            made.setdefault(name, [0, rate])[0] += count
    if (drawn := units.pictures(usage, price)) is not None:
        made["picture"] = [*drawn]
    elif counts is None:
        return None  # nobody has said what was used: that is not nothing
    if price.request is not None:
        made["request"] = [1, price.request]
    return made


def recomputed(made: Mapping[str, Sequence[int]]) -> Nanos:
    """The cost of what `applied` told, now or of a record."""
    return settled(sum(times(count, rate) for count, rate in made.values()))


def price_at(model: Model, prompt: int, service: object = None, at: float | None = None) -> Price | None:
    """The price in force for a prompt of that many tokens: the highest tier it reaches, for all of it.

    A service tier without a price of its own has the usual one: that of the hour, if there is one.
    """
    found: list[Service | Hours] = [each for each in model.services if each.name == service]
    found += [each for each in model.hours if at is not None and each.hold(at)]
    price, tiers = (found[0].price, found[0].tiers) if found else (model.price, model.tiers)
    reached = [tier for tier in tiers if prompt > tier.above]
    return max(reached, key=lambda tier: tier.above).price if reached else price


def used(answer: ChatCompletion | ChatChunk) -> Usage | None:
    """The usage an answer tells, with the service tier that it tells beside it."""
    usage, tier = answer.get("usage"), answer.get("service_tier")
    return {**usage, "service_tier": tier} if usage and isinstance(tier, str) else usage
