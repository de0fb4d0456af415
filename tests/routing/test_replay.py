"""A record contains why its candidates were tried in their order: replaying it gives the same attempts."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.routing.attempt_loop import failure
from vaultcore.catalog.schema import Model, Price, Provider, Route, Target
from vaultcore.errors import Fault, GatewayError, UpstreamError
from vaultcore.routing.attempts import Attempt, Attempts, RetryPolicy
from vaultcore.routing.candidate import Candidate
from vaultcore.routing.decision import MAX_CANDIDATES, Decision
from vaultcore.routing.health import Cooldowns, Health
from vaultcore.routing.plan import draw, order, plan
from vaultcore.routing.replay import ReplayImpossible, replay
from vaultcore.vault.keyring import Credential, Keyring

FAULTS = (*Fault,)
POLICIES = (RetryPolicy(), RetryPolicy(attempts=6, key_retries=1), RetryPolicy(attempts=1))


@dataclass(frozen=True)
class RecordedCall:
    """The plan of a record after a trip through the store, and its attempts: target, key, fault."""

    plan: dict[str, Any]
    attempts: list[tuple[str, str, str | None]]
    route: Route

    def replay(self) -> list[tuple[str, str]]:
        return replay(self.plan, [fault for *_, fault in self.attempts], self.route)


class RoutedCalls:
    """Runs calls through the real plan and loop, as the gateway does, with one state of health."""

    def __init__(self, route: Route, keys: dict[str, int], *, threshold: int = 2) -> None:
        self.route, self.clock = route, FakeClock()
        self.health = Health(Cooldowns(threshold=threshold))
        self.keys = keys
        self.generation = 0

    def keyring(self) -> Keyring:
        """Return the keys of now: a rejected key is replaced by one that is not known yet."""
        names = ((name, number) for name, count in self.keys.items() for number in range(count))
        return Keyring(Credential(name, f"{name}-{number}-{self.generation}") for name, number in names)

    def run(
        self, ends: list[UpstreamError | None], randoms: list[float], policy: RetryPolicy = POLICIES[0]
    ) -> RecordedCall:
        return asyncio.run(self._run(ends, randoms, policy))

    async def _run(
        self, ends: list[UpstreamError | None], randoms: list[float], policy: RetryPolicy
    ) -> RecordedCall:
        decision, tried = Decision(strategy=self.route.strategy), list[Attempt]()
        decision.retries = None if policy == RetryPolicy() else (policy.attempts, policy.key_retries)
        decision.draws = draw(self.route, None, lambda: randoms.pop() if randoms else 0.5)
        targets = order(self.route, None, decision.draws)
        with_key = [each for each in targets if self.keys.get(each.provider.name)]
        decision.skip_targets(targets, with_key, "no_key")

        async def candidates() -> list[Candidate]:
            now = self.clock.now()
            planned = plan(with_key, self.keyring(), self.health, now)
            decision.begin_round(planned, self.health, now)
            return planned

        loop = Attempts(candidates, policy, self.health, self.clock, on_skip=decision.skip)
        try:
            while True:
                attempt = await loop.next()
                tried.append(attempt)
                decision.tried.append(attempt.candidate)
                with attempt.absorbing_failures():
                    error = ends.pop() if ends else None
                    if error is not None and error.fault is Fault.KEY:
                        self.generation += 1
                    if error is not None:
                        raise error
                    break
        except GatewayError:
            pass  # all attempts failed
        recorded = [
            (each.candidate.target.name, each.candidate.key_id, each.error and each.error.fault.name.lower())
            for each in tried
        ]
        return RecordedCall(json.loads(json.dumps(decision.pack(2))), recorded, self.route)


def target(name: str, *, weight: int = 1, window: int | None = None, price: int | None = None) -> Target:
    provider, _, model = name.partition("/")
    cost = None if price is None else Price(price, price)
    return Target(
        Provider(provider, f"https://{provider}.example/v1"),
        Model(model, context_window=window, price=cost),
        weight,
    )


@st.composite
def routes(draw: st.DrawFn) -> Route:
    names = [f"{provider}/{model}" for provider in ("one", "two", "three") for model in ("m", "n")]
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=5, unique=True))
    targets = [
        target(
            name,
            weight=draw(st.integers(0, 4)),
            window=draw(st.sampled_from([None, 10, 20])),
            price=draw(st.sampled_from([None, 1, 2])),
        )
        for name in chosen
    ]
    return Route("r", tuple(targets), draw(st.sampled_from(["priority", "weighted", "cheapest"])))


ENDS = st.lists(
    st.one_of(
        st.none(),
        st.builds(failure, st.sampled_from(FAULTS), st.just(500), st.sampled_from([None, 0.5, 60.0])),
    ),
    max_size=7,
)


@settings(deadline=None, max_examples=400)
@given(
    route=routes(),
    keys=st.dictionaries(st.sampled_from(["one", "two", "three"]), st.integers(0, 4)),
    calls=st.lists(
        st.tuples(ENDS, st.lists(st.floats(0, 1, exclude_max=True), max_size=5), st.sampled_from(POLICIES)),
        min_size=1,
        max_size=4,
    ),
    pauses=st.lists(st.sampled_from([0.0, 1.0, 30.0]), min_size=4, max_size=4),
)
def test_a_replay_equals_the_attempts(
    route: Route, keys: dict[str, int], calls: list[Any], pauses: list[float]
) -> None:
    """The recorded decision gives the recorded attempts, for any failures, cooldowns, keys and draws."""
    gateway = RoutedCalls(route, keys)
    for (ends, randoms, policy), pause in zip(calls, pauses, strict=False):
        call = gateway.run(list(ends), list(randoms), policy)
        gateway.clock.time += pause

        assert call.replay() == [(name, key) for name, key, _ in call.attempts]


def test_the_usual_plan_is_short() -> None:
    """One candidate that answers is all that a plan contains, in less than 80 bytes."""
    call = RoutedCalls(Route("r", (target("openai/gpt-4o-mini"),)), {"openai": 1}).run([], [])

    (candidate,) = call.plan.pop("candidates")
    assert candidate == [call.attempts[0][0], call.attempts[0][1]]
    assert call.plan == {"policy": 2}
    assert len(json.dumps({"plan": {"candidates": [candidate]}})) < 80


def test_a_long_plan_lists_what_was_tried() -> None:
    """A record lists 16 candidates; those that were tried are among them, wherever they stood."""
    route = Route("r", (*(target(f"two/{name}") for name in "abcd"), target("three/m", window=10)))
    ends = [failure(Fault.KEY, 401), failure(Fault.SIZE, 400)]
    call = RoutedCalls(route, {"two": 4, "three": 1}).run([None, *ends], [])

    assert len(call.attempts) == 3
    assert call.replay() == [(name, key) for name, key, _ in call.attempts]


def test_skipped_candidates_have_a_reason() -> None:
    """A plan names targets without a key, and each candidate that was passed over, with the reason."""
    route = Route("r", (target("one/m"), target("two/m"), target("one/n")))
    call = RoutedCalls(route, {"one": 1}).run([failure(Fault.KEY, 401)], [])

    assert call.plan["targets"] == {"two/m": "no_key"}
    assert [entry[0] for entry in call.plan["candidates"]] == ["one/m", "one/n", "one/m", "one/n"]
    assert [0, 1, "rejected"] in call.plan["skips"]


def test_other_draws_give_another_order() -> None:
    """The replay computes the order from the draws; it does not repeat the attempts."""
    route = Route("r", (target("one/m"), target("two/m")), "weighted")
    call = RoutedCalls(route, {"one": 1, "two": 1}).run([failure(Fault.HOST, 503)], [0.2, 0.9])
    other = RecordedCall({**call.plan, "draws": call.plan["draws"][::-1]}, call.attempts, route)

    assert call.replay() == [(name, key) for name, key, _ in call.attempts]
    assert other.replay() == call.replay()[::-1]


def test_cooldowns_are_replayed() -> None:
    """A candidate that a cooldown has moved to the end is moved there in the replay too, in every round."""
    calls = RoutedCalls(Route("r", (target("one/m"), target("two/m"))), {"one": 1, "two": 1})
    first = calls.run([failure(Fault.RATE, 429)], [])
    second = calls.run([], [])
    calls.clock.time += 60
    ends = [None, failure(Fault.RATE, 429, 0.5), failure(Fault.RATE, 429, 3.0)]
    third = calls.run(ends, [])

    assert [[name for name, *_ in call.attempts] for call in (first, second, third)] == [
        ["one/m", "two/m"],
        ["two/m"],
        ["one/m", "two/m", "two/m"],
    ]
    for call in (first, second, third):
        assert call.replay() == [(name, key) for name, key, _ in call.attempts]


def test_a_long_plan_is_cut() -> None:
    """A record lists a bounded number of candidates, and how many there are besides."""
    targets = tuple(target(f"p{number}/m") for number in range(40))
    call = RoutedCalls(Route("r", targets), {each.provider.name: 2 for each in targets}).run([], [])

    assert len(call.plan["candidates"]) == MAX_CANDIDATES
    assert call.plan["more"] == 80 - MAX_CANDIDATES
    assert call.replay() == [(name, key) for name, key, _ in call.attempts]


def test_a_replay_needs_the_route_of_the_record() -> None:
    """A route without a target of the record is refused, and so is a plan that lists too few candidates."""
    call = RoutedCalls(Route("r", (target("one/m"),)), {"one": 1}).run([], [])

    with pytest.raises(ReplayImpossible):
        replay(call.plan, [None], Route("r", (target("two/m"),)))
    with pytest.raises(ReplayImpossible):
        replay({}, [None], call.route)
