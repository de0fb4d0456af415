"""What an answer cost: its usage at the catalog's prices, in nano-dollars."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.catalog.schema import Model, Price
from vaultcore.money import Nanos, settled, times
from vaultcore.wire import Usage

READ = ("cached_tokens",)  # in prompt_tokens_details, the first that is there
WRITTEN = ("cache_write_tokens", "cache_creation_tokens")


def cost(usage: Usage, model: Model) -> Nanos | None:
    """The price of an answer, rounded up to a whole nano-dollar; None where the model's price is unknown."""
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    price = price_at(model, prompt)
    if price is None:
        return None
    if isinstance(billed := usage.get("billed"), Mapping):
        prompt, completion = _count(billed.get("prompt_tokens")), _count(billed.get("completion_tokens"))
        return settled(times(prompt, price.input) + times(completion, price.output))
    details = usage.get("prompt_tokens_details")
    read = min(_first(details, READ), prompt)
    written = min(_first(details, WRITTEN), prompt - read)
    return settled(
        times(prompt - read - written, price.input)
        + times(read, price.input if price.cache_read is None else price.cache_read)
        + times(written, price.input if price.cache_write is None else price.cache_write)
        + times(completion, price.output)
    )


def price_at(model: Model, prompt: int) -> Price | None:
    """The price in force for a prompt of that many tokens: the highest tier it reaches, for all of it."""
    reached = [tier for tier in model.tiers if prompt > tier.above]
    return max(reached, key=lambda tier: tier.above).price if reached else model.price


def _first(details: object, keys: tuple[str, ...]) -> int:
    if not isinstance(details, Mapping):
        return 0
    return next((_count(details[key]) for key in keys if details.get(key) is not None), 0)


def _count(value: object) -> int:
    """A provider's word for how many: anything that is no number of tokens counts as none."""
    match value:
        case bool():
            return 0
        case int():
            return max(value, 0)
        case float() if value.is_integer():
            return max(int(value), 0)
        case _:
            return 0
