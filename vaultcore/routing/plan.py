"""Which candidates a call tries, and in which order. Pure: the clock and random numbers are arguments."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from vaultcore.catalog.schema import Price, Provider, Route, Strategy, Target
from vaultcore.routing.candidate import Candidate
from vaultcore.routing.candidate_list import EAGER, CandidateList
from vaultcore.routing.health import Health
from vaultcore.vault.keyring import Credential, Keyring

DRAW_RANGE = 1 << 32  # of the numbers that "weighted" draws
TOKENS_PER_IMAGE = 1_000  # to compare a price per image with prices per token
INPUT_PER_OUTPUT = 4  # tokens; the ratio that cheapest-first assumes, as in chat traffic


def is_drawn(route: Route, strategy: Strategy | None) -> bool:
    """Return True if the order of a route is random. A `strategy` replaces the route's own."""
    return (strategy or route.strategy) == "weighted" and len(route.targets) > 1


def draw(route: Route, strategy: Strategy | None, random: Callable[[], float]) -> tuple[int, ...]:
    """Return the random numbers that `order` needs: for "weighted" one per target, from 1 to DRAW_RANGE.

    `random` returns a number in [0, 1).
    """
    if not is_drawn(route, strategy):
        return ()
    return tuple(int(random() * DRAW_RANGE) + 1 for _ in route.targets)


def order(route: Route, strategy: Strategy | None, draws: Sequence[int] = ()) -> tuple[Target, ...]:
    """Return the route's targets in the order to try them.

    A `strategy` replaces the route's own. `draws` are the numbers of `draw`: the same give the same order.
    """
    match strategy or route.strategy:
        case "cheapest":
            return tuple(sorted(route.targets, key=_blended_price))
        case "weighted" if draws:
            drawn = zip(route.targets, draws, strict=True)
            ordered = sorted(drawn, key=lambda each: -_weighted_draw(each[0].weight, each[1] / DRAW_RANGE))
            return tuple(target for target, _ in ordered)
        case _:
            return route.targets


def plan(
    targets: Iterable[Target],
    keyring: Keyring,
    health: Health,
    now: float,
    *,
    preferred: Collection[str] = (),
) -> Sequence[Candidate]:
    """Return every key of every target, candidates in cooldown last.

    Otherwise targets keep their order, and the keys of a target are sorted by remaining quota, after those
    whose id is `preferred`.
    """
    groups, length = list[tuple[Target, Iterable[Credential]]](), 0
    for target in targets:
        keys = credentials(target.provider, keyring)
        length += len(keys)
        ordered = health.by_quota(keys, now)
        if preferred:
            ordered = sorted(ordered, key=lambda credential: credential.id not in preferred)
        groups.append((target, ordered))
    if length > EAGER:
        return CandidateList(groups, length, health, now)
    candidates = [Candidate(target, key) for target, ordered in groups for key in ordered]
    if not health.has_open:
        return candidates
    return sorted(candidates, key=lambda candidate: health.cooldown(candidate, now)[0] > 0)


def reachable(providers: Iterable[Provider], keyring: Keyring) -> frozenset[str]:
    """Return the names of the providers that can be called: those with a key, and those that need none."""
    return frozenset(provider.name for provider in providers if credentials(provider, keyring))


def credentials(provider: Provider, keyring: Keyring) -> Sequence[Credential]:
    """Return a provider's keys, stored under any of its names.

    A provider that needs no key has one empty credential.
    """
    stored: Sequence[Credential] = ()
    for name in provider.names:
        if keys := keyring.of(name):
            stored = (*stored, *keys) if stored else keys  # one name: the same tuple for each request
    keyless = provider.local if provider.keyless is None else provider.keyless
    return stored or ([Credential(provider.name, "")] if keyless else [])


def _weighted_draw(weight: int, random: float) -> float:
    """Return a sort key: sorting by it draws without replacement by weight (Efraimidis, Spirakis 2006)."""
    return float(random ** (1 / weight)) if weight > 0 else -1.0


def _blended_price(target: Target) -> float:
    """Return nano-dollars per million tokens of typical traffic; infinity where the price is unknown."""
    match target.model.price:
        case Price(input=input, output=output, pictures=pictures):
            image = max(pictures.values(), default=0) / TOKENS_PER_IMAGE
            return input + (output + image) / INPUT_PER_OUTPUT
        case _:
            return float("inf")
