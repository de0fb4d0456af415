"""Which provider keys to try for a request, in which order. Pure: clock and chance come in as arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from vaultcore.catalog.schema import Price, Provider, Route, Strategy, Target
from vaultcore.routing.health import Health
from vaultcore.vault.keyring import Credential, Keyring

PICTURE = 1_000  # tokens that one takes where pictures are sold by tokens
OUTPUT_SHARE = 4  # cheapest-first weighs one output token to four input tokens, as chat traffic has them


@dataclass(frozen=True, slots=True)
class Candidate:
    """A target and the key to reach it with."""

    target: Target
    credential: Credential


def order(route: Route, strategy: Strategy | None, chance: Callable[[], float]) -> tuple[Target, ...]:
    """The route's own targets in the order to try them; a request's strategy goes before the route's."""
    match strategy or route.strategy:
        case "cheapest":
            return tuple(sorted(route.targets, key=_blended))
        case "weighted":
            return tuple(sorted(route.targets, key=lambda target: -_draw(target.weight, chance())))
        case _:
            return route.targets


def plan(targets: Iterable[Target], keyring: Keyring, health: Health, now: float) -> list[Candidate]:
    """Every key of every target: those at rest last, else targets in order, a target's keys by quota left."""
    candidates = [
        Candidate(target, credential)
        for target in targets
        for credential in health.by_quota(credentials(target.provider, keyring), now)
    ]
    return sorted(candidates, key=lambda candidate: health.rest(candidate, now)[0] > 0)


def reachable(providers: Iterable[Provider], keyring: Keyring) -> frozenset[str]:
    """Names of the providers that can be called: those with a key, and those that need none."""
    return frozenset(provider.name for provider in providers if credentials(provider, keyring))


def credentials(provider: Provider, keyring: Keyring) -> Sequence[Credential]:
    """The keys of a provider, under any of its names; one that needs none is called without."""
    held = [key for name in provider.names for key in keyring.of(name)]
    keyless = provider.local if provider.keyless is None else provider.keyless
    return held or ([Credential(provider.name, "")] if keyless else [])


def _draw(weight: int, chance: float) -> float:
    """A lot: sorting by it draws without replacement by weight (Efraimidis and Spirakis, 2006)."""
    return float(chance ** (1 / weight)) if weight > 0 else -1.0


def _blended(target: Target) -> float:
    """Nano-dollars per million tokens of typical traffic; targets of unknown price go last."""
    match target.model.price:
        case Price(input=input, output=output, pictures=pictures):
            piece = max(pictures.values(), default=0) / PICTURE
            return input + (output + piece) / OUTPUT_SHARE
        case _:
            return float("inf")
