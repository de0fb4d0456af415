"""Which targets and keys a request may use, and in which order."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from vaultcore.catalog.schema import Model, Price, Provider, Route, Target
from vaultcore.errors import Fault, UpstreamError
from vaultcore.routing.candidate import Candidate
from vaultcore.routing.health import Health
from vaultcore.routing.plan import DRAW_RANGE, credentials, draw, order, plan, reachable
from vaultcore.routing.quota import parse_quota
from vaultcore.vault.keyring import Credential, Keyring

DRAWS = 4_000


def target(name: str, *, weight: int = 1, price: Price | None = None, local: bool = False) -> Target:
    provider = Provider(name, f"https://{name}.example/v1", local=local, aliases=(f"{name}-alias",))
    return Target(provider, Model("m", price=price), weight)


def names(targets: tuple[Target, ...]) -> list[str]:
    return [each.provider.name for each in targets]


EXPENSIVE, CHEAP, UNKNOWN = (
    target("expensive", price=Price(9, 90)),
    target("cheap", price=Price(1, 8)),
    target("unknown"),
)


def test_cheapest_sorts_targets_by_price() -> None:
    """ "cheapest" sorts the route's targets by catalog price, unknown prices last, and adds none."""
    route = Route("r", (UNKNOWN, EXPENSIVE, CHEAP))

    assert names(order(route, "cheapest", ())) == ["cheap", "expensive", "unknown"]


def test_image_prices_compare_with_token_prices() -> None:
    """A price per image compares as the price of TOKENS_PER_IMAGE tokens."""
    per_image = target("per_image", price=Price(0, 0, pictures={"": 40_000_000 * 10**6, "256x256": 1}))
    per_token = target("per_token", price=Price(5 * 10**9, 30 * 10**9))
    route = Route("r", (per_image, per_token))

    assert names(order(route, "cheapest", ())) == ["per_image", "per_token"]
    expensive_per_image = target("expensive_per_image", price=Price(0, 0, pictures={"": 80_000_000 * 10**6}))
    assert names(order(Route("r", (expensive_per_image, per_token)), "cheapest", ())) == [
        "per_token",
        "expensive_per_image",
    ]


def test_a_requests_strategy_overrides_the_routes() -> None:
    """A request's strategy replaces the route's; without one the route's own is used."""
    route = Route("r", (EXPENSIVE, CHEAP), strategy="cheapest")

    assert names(order(route, None, ())) == ["cheap", "expensive"]
    assert names(order(route, "priority", ())) == ["expensive", "cheap"]


def test_weights_are_shares_of_the_first_place() -> None:
    """A target of weight 3 comes first three times as often as one of weight 1; weight 0 never does."""
    route = Route("r", (target("a", weight=3), target("b"), target("c", weight=0)), strategy="weighted")
    random = Random(7).random

    first_places = Counter(names(order(route, None, draw(route, None, random)))[0] for _ in range(DRAWS))
    assert 0.72 < first_places["a"] / DRAWS < 0.78
    assert first_places["c"] == 0


@given(st.lists(st.integers(0, 5), min_size=2, max_size=5), st.data())
def test_draws_decide_an_order(weights: list[int], data: st.DataObject) -> None:
    """Equal draws give an equal order, which keeps every target; only "weighted" with a choice draws."""
    targets = tuple(target(f"p{number}", weight=weight) for number, weight in enumerate(weights))
    route = Route("r", targets, strategy="weighted")
    numbers = st.floats(0, 1, exclude_max=True)
    draws = draw(route, None, lambda: data.draw(numbers))

    assert len(draws) == len(targets)
    assert all(1 <= each <= DRAW_RANGE for each in draws)
    assert order(route, None, draws) == order(route, None, list(draws))
    assert sorted(names(order(route, None, draws))) == sorted(names(targets))
    assert (
        draw(route, "cheapest", lambda: 0.5) == draw(Route("r", targets[:1]), "weighted", lambda: 0.5) == ()
    )


@given(st.permutations([EXPENSIVE, CHEAP, UNKNOWN]), st.sampled_from(["priority", "cheapest", "weighted"]))
def test_every_strategy_keeps_every_target(targets: list[Target], strategy: str) -> None:
    """An order is a permutation of the route's targets."""
    route = Route("r", tuple(targets), strategy)  # type: ignore[arg-type]
    ordered = order(route, None, draw(route, None, Random(3).random))

    assert sorted(names(ordered)) == sorted(names(tuple(targets)))


def test_keys_are_found_under_any_name_of_the_provider() -> None:
    """A vault may store a provider's keys in any letter case, or under an alias."""
    keyring = Keyring([Credential("EXPENSIVE", "key-one"), Credential("expensive-alias", "key-two")])

    assert [key.key for key in credentials(EXPENSIVE.provider, keyring)] == ["key-one", "key-two"]


def test_a_local_provider_needs_no_key() -> None:
    """A local provider is reachable without a key; other providers are not."""
    local = target("local", local=True)

    assert reachable([local.provider, EXPENSIVE.provider], Keyring([])) == {"local"}


def test_keys_with_more_remaining_quota_come_first() -> None:
    """A key with little reported quota is used after one with more."""
    health = Health()
    keyring = Keyring([Credential("expensive", "key-low"), Credential("expensive", "key-full")])
    low, full = keyring.of("expensive")
    for credential, remaining in ((low, "3"), (full, "90")):
        headers = {"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": remaining}
        quota = parse_quota(headers, 0.0)
        assert quota is not None
        health.record_quota(credential, quota)

    assert [candidate.credential for candidate in plan([EXPENSIVE], keyring, health, 0.0)] == [full, low]


def test_quota_does_not_change_the_order_of_targets() -> None:
    """Quota orders the keys of one target; it never puts a fallback before the primary."""
    health = Health()
    keyring = Keyring([Credential("expensive", "key-one"), Credential("cheap", "key-two")])
    quota = parse_quota({"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": "0"}, 0.0)
    assert quota is not None
    health.record_quota(keyring.of("expensive")[0], quota)

    assert [candidate.target for candidate in plan([EXPENSIVE, CHEAP], keyring, health, 0.0)] == [
        EXPENSIVE,
        CHEAP,
    ]


def test_a_primary_in_cooldown_comes_after_its_fallback() -> None:
    """A target whose only key is in cooldown comes last."""
    health = Health()
    keyring = Keyring([Credential("expensive", "key-one"), Credential("cheap", "key-two")])
    primary = Candidate(EXPENSIVE, keyring.of("expensive")[0])
    health.record_failure(primary, object(), UpstreamError("no", fault=Fault.KEY), 0.0)

    assert [candidate.target for candidate in plan([EXPENSIVE, CHEAP], keyring, health, 1.0)] == [
        CHEAP,
        EXPENSIVE,
    ]
