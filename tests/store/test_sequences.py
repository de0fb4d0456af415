"""After any sequence of operations, a store's accounts match the reference implementation."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tests.fakes.clock import FakeClock
from tests.sizes import times
from tests.store.conftest import MAKERS
from tests.store.reference_account import ReferenceAccount, refusal
from tests.store.store_request import LEASE, NOON, StoreRequest, alert_document
from vaultcore.limits.account import Charge, roll_forward
from vaultcore.limits.limits import DEFAULT_THRESHOLDS, Limits
from vaultcore.limits.reservation import Level, LimitRefused
from vaultcore.store.base import DocumentKey, Store

T = TypeVar("T")
EXAMPLES = {"memory": times(100, 2_000), "sqlite": times(100, 2_000), "dynamo": times(10, 100)}
STEPS = 20
PAUSES = [0.125, 1.0, 7.5, 29.875, 30.0, 59.5, 60.0, 61.0, 150.0, LEASE, 21_600.0, 86_400.0, 9 * 86_400.0]
numbers = count()


def most(*some: int) -> st.SearchStrategy[int | None]:
    return st.sampled_from([None, None, None, *some])


limits = st.builds(
    Limits,
    rpm=most(2, 5),
    tpm=most(40, 90),
    parallel=most(1, 3),
    tokens=most(40, 100),
    credits=most(40, 100),
    day=most(30, 70),
    month=most(50, 100),
)
amounts = st.integers(0, 30)
threshold_sets = st.sampled_from(
    [DEFAULT_THRESHOLDS, DEFAULT_THRESHOLDS, (50, 80, 100), (100,), (1, 20, 40, 60, 80), ()]
)


class Sequence(RuleBasedStateMachine):
    """One store with two keys and a gateway, whose limits are set at the beginning."""

    requests = Bundle("requests")
    over = Bundle("over")

    def __init__(self, runner: asyncio.Runner, store: Store, clock: FakeClock) -> None:
        super().__init__()
        self.runner, self.store, self.clock = runner, store, clock
        self.clock.time = NOON
        self.number = next(numbers)  # all use the same store
        self.crossed: list[tuple[str, str, str, int]] = []
        self.ids = count()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize(one=limits, two=limits, gateway=limits)
    def begin(self, one: Limits, two: Limits, gateway: Limits) -> None:
        named = {"one": one, "two": two, "gateway": gateway}
        self.model = {
            name: ReferenceAccount(f"{self.number}:{name}", limits) for name, limits in named.items()
        }

    def levels(self, requests: StoreRequest) -> list[ReferenceAccount]:
        by_name = {each.name: each for each in self.model.values()}
        return [by_name[level.account] for level in requests.levels]

    @rule(seconds=st.sampled_from(PAUSES))
    def wait(self, seconds: float) -> None:
        self.clock.time += seconds

    @rule(
        target=requests,
        key=st.sampled_from(["one", "two"]),
        lasts=st.sampled_from([1.0, 59.875, 60.0, LEASE, 30 * 86_400.0]),
        crowd=st.lists(st.tuples(amounts, amounts, amounts), min_size=1, max_size=5),
        thresholds=threshold_sets,
    )
    def ask(
        self,
        key: str,
        lasts: float,
        crowd: list[tuple[int, int, int]],
        thresholds: tuple[int, ...],
    ) -> Any:
        """Reserve: admitted, or refused by the expected limit."""
        accounts = [self.model[key], self.model["gateway"]]
        levels = tuple(Level(each.name, each.limits, thresholds) for each in accounts)
        at, log = self.clock.time, f"log/{self.number}"
        names = (f"{self.number}-{next(self.ids)}" for _ in crowd)
        requests = [
            StoreRequest(name, levels, at, *each, at + lasts, log)
            for name, each in zip(names, crowd, strict=True)
        ]
        return multiple(*(each for each in requests if self.let_in(each, accounts)))

    def let_in(self, request: StoreRequest, accounts: list[ReferenceAccount]) -> bool:
        expected = refusal(accounts, request)
        if expected is not None:
            with pytest.raises(LimitRefused) as refused:
                self.do(self.store.reserve(request.reservation))
            assert (refused.value.level.account, refused.value.denial.limit) == expected
            return False
        self.do(self.store.reserve(request.reservation))
        for each in accounts:
            each.reserve(request)
        return True

    @rule(target=over, requests=consumes(requests), used=st.tuples(amounts, amounts, amounts))
    def settle(self, requests: StoreRequest, used: tuple[int, int, int]) -> Any:
        """Settle: exactly the expected thresholds are reported."""
        done = self.do(self.store.settle(requests.settlement(Charge(*used), alert=alert_document)))
        charge, levels = Charge(*used), self.levels(requests)
        expected = [crossing for level in levels for crossing in level.settle(requests.id, charge)]
        crossings = [
            (each.account, each.usage.limit, each.usage.period, each.percent) for each in done.crossings
        ]
        assert (done.applied, crossings) == (True, expected)
        self.crossed += expected
        return requests

    @rule(request=over, used=st.tuples(amounts, amounts, amounts))
    def settle_again(self, request: StoreRequest, used: tuple[int, int, int]) -> None:
        """Repeat a settlement, with any charge: it changes nothing."""
        done = self.do(self.store.settle(request.settlement(Charge(*used), alert=alert_document)))
        assert (done.applied, done.crossings) == (False, ())

    @rule(name=st.sampled_from(["one", "two", "gateway"]))
    def sweep(self, name: str) -> None:
        """Sweep: exactly the expired leases end."""
        account = self.model[name]
        assert self.do(self.store.sweep(account.name)) == account.end(self.clock.time)

    @invariant()
    def accounts_are_what_the_list_says(self) -> None:
        if not hasattr(self, "model"):
            return
        now = self.clock.time
        accounts = self.do(self.store.accounts(*(each.name for each in self.model.values())))
        for account, model in zip(accounts, self.model.values(), strict=True):
            expected, rolled = model.state(now), roll_forward(account, now)
            assert {name: getattr(rolled, name) for name in expected} == expected

    def teardown(self) -> None:
        """Assert that records and alerts match the charges."""
        events = [event for name in ("one", "two") for event in self.model[name].events]
        spent = {event.request.id: event.charge for event in events if event.charge is not None}
        records = self.do(self.store.query(f"log/{self.number}"))
        assert {each.body["id"] for each in records} == spent.keys()
        alerts = self.do(
            self.store.get(*(DocumentKey("alerts", "/".join(map(str, each))) for each in self.crossed))
        )
        assert None not in alerts
        assert len(set(self.crossed)) == len(self.crossed)


@pytest.mark.repeated
@pytest.mark.parametrize("kind", MAKERS)
def test_any_sequence(kind: str, tmp_path: Path) -> None:
    """Two keys and a gateway, different clocks, passing days, expiring leases: every field is correct."""
    clock = FakeClock()
    with asyncio.Runner() as runner:
        backend = MAKERS[kind](clock, tmp_path)
        opened = runner.run(backend.__aenter__())
        try:
            run_state_machine_as_test(
                lambda: Sequence(runner, opened.store, clock),
                settings=settings(
                    max_examples=EXAMPLES[kind],
                    stateful_step_count=STEPS,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking takes minutes
                ),
            )
        finally:
            runner.run(backend.__aexit__(None, None, None))
