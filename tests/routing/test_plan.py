"""Which targets and keys a request may go to, in which order."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from vaultcore.catalog.schema import Model, Price, Provider, Route, Target
from vaultcore.errors import Fault, UpstreamError
from vaultcore.routing.health import Health
from vaultcore.routing.plan import Candidate, credentials, order, plan, reachable
from vaultcore.routing.quota import quota
from vaultcore.vault.keyring import Credential, Keyring

DRAWS = 4_000


def target(name: str, *, weight: int = 1, price: Price | None = None, local: bool = False) -> Target:
    provider = Provider(name, f"https://{name}.example/v1", local=local, aliases=(f"{name}-alias",))
    return Target(provider, Model("m", price=price), weight)


def names(targets: tuple[Target, ...]) -> list[str]:
    return [each.provider.name for each in targets]


DEAR, CHEAP, UNKNOWN = (
    target("dear", price=Price(9, 90)),
    target("cheap", price=Price(1, 8)),
    target("unknown"),
)


def test_cheapest_first_sorts_the_routes_own_targets() -> None:
    """Cheapest-first orders what the route names by catalog price, unknown prices last, and adds nothing."""
    route = Route("r", (UNKNOWN, DEAR, CHEAP))

    assert names(order(route, "cheapest", Random(1).random)) == ["cheap", "dear", "unknown"]


def test_what_is_sold_by_the_piece_is_not_free() -> None:
    """A picture counts for the tokens that others make one of: its price stands where theirs does."""
    pieces = target("pieces", price=Price(0, 0, pictures={"": 40_000_000 * 10**6, "256x256": 1}))
    tokens = target("tokens", price=Price(5 * 10**9, 30 * 10**9))
    route = Route("r", (pieces, tokens))

    assert names(order(route, "cheapest", Random(1).random)) == ["pieces", "tokens"]
    dearer = target("dearer", price=Price(0, 0, pictures={"": 80_000_000 * 10**6}))
    assert names(order(Route("r", (dearer, tokens)), "cheapest", Random(1).random)) == ["tokens", "dearer"]


def test_without_a_strategy_the_route_decides() -> None:
    """A request's strategy goes before the route's; without one the route's own order stands."""
    route = Route("r", (DEAR, CHEAP), strategy="cheapest")

    assert names(order(route, None, Random(1).random)) == ["cheap", "dear"]
    assert names(order(route, "priority", Random(1).random)) == ["dear", "cheap"]


def test_weights_are_shares_of_first_place() -> None:
    """A target of weight 3 comes first three times as often as one of weight 1; weight 0 never does."""
    route = Route("r", (target("a", weight=3), target("b"), target("c", weight=0)), strategy="weighted")
    chance = Random(7).random

    firsts = Counter(names(order(route, None, chance))[0] for _ in range(DRAWS))
    assert 0.72 < firsts["a"] / DRAWS < 0.78
    assert firsts["c"] == 0


@given(st.permutations([DEAR, CHEAP, UNKNOWN]), st.sampled_from(["priority", "cheapest", "weighted"]))
def test_every_strategy_keeps_every_target(targets: list[Target], strategy: str) -> None:
    """An order is a permutation: no target is lost, none is invented."""
    found = order(Route("r", tuple(targets)), strategy, Random(3).random)  # type: ignore[arg-type]

    assert sorted(names(found)) == sorted(names(tuple(targets)))


def test_keys_are_found_under_any_name_of_the_provider() -> None:
    """A vault may spell a provider in any case, or by an alias."""
    keyring = Keyring([Credential("DEAR", "key-one"), Credential("dear-alias", "key-two")])

    assert [key.key for key in credentials(DEAR.provider, keyring)] == ["key-one", "key-two"]


def test_a_local_provider_needs_no_key() -> None:
    """What runs on the operator's own machine is reachable without a key; others are not."""
    local = target("local", local=True)

    assert reachable([local.provider, DEAR.provider], Keyring([])) == {"local"}


def test_keys_with_more_quota_left_come_first() -> None:
    """A key whose provider said that little is left is used after one with plenty."""
    health = Health()
    keyring = Keyring([Credential("dear", "key-low"), Credential("dear", "key-full")])
    low, full = keyring.of("dear")
    for credential, left in ((low, "3"), (full, "90")):
        headers = {"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": left}
        told = quota(headers, 0.0)
        assert told is not None
        health.heard(credential, told)

    assert [candidate.credential for candidate in plan([DEAR], keyring, health, 0.0)] == [full, low]


def test_order_of_the_route_goes_before_quota() -> None:
    """Quota orders the keys of one target; it never puts a fallback before the primary."""
    health = Health()
    keyring = Keyring([Credential("dear", "key-one"), Credential("cheap", "key-two")])
    told = quota({"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": "0"}, 0.0)
    assert told is not None
    health.heard(keyring.of("dear")[0], told)

    assert [candidate.target for candidate in plan([DEAR, CHEAP], keyring, health, 0.0)] == [DEAR, CHEAP]


def test_a_resting_primary_comes_after_its_fallback() -> None:
    """What is at rest is the last resort."""
    health = Health()
    keyring = Keyring([Credential("dear", "key-one"), Credential("cheap", "key-two")])
    primary = Candidate(DEAR, keyring.of("dear")[0])
    health.failed(primary, object(), UpstreamError("no", fault=Fault.KEY), 0.0)

    assert [candidate.target for candidate in plan([DEAR, CHEAP], keyring, health, 1.0)] == [CHEAP, DEAR]
