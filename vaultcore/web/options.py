"""What a client may ask of the gateway itself, in headers: within the operator's bounds."""

from __future__ import annotations

from starlette.datastructures import Headers

from vaultcore.catalog.schema import Strategy
from vaultcore.errors import InvalidRequest
from vaultcore.routing.attempts import RetryPolicy
from vaultcore.settings import Settings

STRATEGIES: dict[str, Strategy | None] = {"default": None, "priority": "priority", "cheapest": "cheapest"}
MAX_BACKOFF = 5_000  # milliseconds


def policy(settings: Settings, headers: Headers) -> RetryPolicy:
    """How hard to try: a client may ask for fewer keys than the operator allows, never for more."""
    key_retries = _number(headers, "x-vaultedge-max-key-retries")
    backoff = _number(headers, "x-vaultedge-backoff-delay")
    return RetryPolicy(
        attempts=settings.max_retries + 1,
        key_retries=min(
            settings.max_key_retries, settings.max_key_retries if key_retries is None else key_retries
        ),
        backoff=settings.backoff if backoff is None else min(backoff, MAX_BACKOFF) / 1_000,
    )


def strategy(settings: Settings, headers: Headers) -> Strategy | None:
    """The order asked for, else the operator's; None leaves it to the route."""
    asked = headers.get("x-vaultedge-routing-strategy", settings.strategy).strip().lower()
    if asked not in STRATEGIES:
        text = f"must be one of {', '.join(STRATEGIES)}"
        raise InvalidRequest(text, param="x-vaultedge-routing-strategy")
    return STRATEGIES[asked]


def flag(headers: Headers, name: str) -> bool:
    return headers.get(name, "").strip().lower() in {"1", "true"}


def _number(headers: Headers, name: str) -> int | None:
    text = headers.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidRequest("must be a whole number", param=name)
    return int(text)
