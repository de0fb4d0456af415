"""The one loop of retries and fallbacks, driven by scripts of what each provider answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.errors import AttemptsExhausted, DeadlineExceeded, Fault, UpstreamError
from vaultcore.routing.attempts import RetryPolicy, attempts
from vaultcore.routing.health import Cooldowns, Health
from vaultcore.routing.plan import Candidate, plan
from vaultcore.vault.keyring import Credential, Keyring

Answers = Callable[[Candidate, int], UpstreamError | None]


def target(name: str) -> Target:
    """`provider/model`, and behind an @ the context window of the model."""
    provider, _, model = name.partition("/")
    model, _, window = model.partition("@")
    takes = int(window) if window else None
    return Target(
        Provider(provider, f"https://{provider}.example/v1"), Model(model or "m", context_window=takes)
    )


def failure(fault: Fault, status: int | None = None, wait: float | None = None) -> UpstreamError:
    return UpstreamError("no", fault=fault, upstream_status=status, retry_after=wait)


HOST, RATE, KEY = failure(Fault.HOST, 503), failure(Fault.RATE, 429), failure(Fault.KEY, 401)
USUAL = RetryPolicy()
MODEL, REQUEST = failure(Fault.MODEL, 404), failure(Fault.REQUEST, 400)
SIZE = failure(Fault.SIZE, 400)


class Course:
    """One request through the loop: who was tried, in which order, how long it waited."""

    def __init__(
        self,
        targets: Sequence[str],
        keys: int = 1,
        health: Health | None = None,
        clock: FakeClock | None = None,
    ) -> None:
        self.targets = [target(name) for name in targets]
        names = dict.fromkeys(each.provider.name for each in self.targets)
        self.keyring = Keyring(Credential(name, f"{name}{n}") for name in names for n in range(keys))
        self.health, self.clock = health or Health(), clock or FakeClock()
        self.tried: list[str] = []

    async def run(self, answers: Answers, policy: RetryPolicy, deadline: float) -> Candidate:
        async def candidates() -> list[Candidate]:
            return plan(self.targets, self.keyring, self.health, self.clock.now())

        tries = attempts(candidates, policy, self.health, self.clock, deadline=deadline)
        async with aclosing(tries):
            async for attempt in tries:
                with attempt:
                    self.tried.append(attempt.candidate.credential.key)
                    if error := answers(attempt.candidate, len(self.tried)):
                        raise error
                    return attempt.candidate
        raise AssertionError("the loop ended without an answer or an error")

    def go(
        self, *script: UpstreamError | None, policy: RetryPolicy = USUAL, deadline: float = float("inf")
    ) -> Candidate:
        def answers(_: Candidate, count: int) -> UpstreamError | None:
            return script[count - 1] if count <= len(script) else None

        return asyncio.run(self.run(answers, policy, deadline))


def test_a_failing_host_hands_over_to_the_next_target_at_once() -> None:
    """A 503 is answered by the fallback without a pause, and the host's other keys are not tried."""
    course = Course(["a", "b"], keys=2)

    assert course.go(HOST).target.provider.name == "b"
    assert course.tried == ["a0", "b0"]
    assert course.clock.slept == []


def test_a_refused_key_hands_over_to_the_next_key() -> None:
    """After a 401 the same target is tried with its next key."""
    course = Course(["a", "b"], keys=2)

    course.go(KEY)
    assert course.tried == ["a0", "a1"]


def test_a_limited_key_hands_over_to_the_next_key_then_the_next_target() -> None:
    """429 tries the target's other keys first, then the fallback."""
    course = Course(["a", "b"], keys=2)

    course.go(RATE, RATE)
    assert course.tried == ["a0", "a1", "b0"]


def test_the_requests_own_fault_ends_it() -> None:
    """A 400 is not tried anywhere else, and blames nobody."""
    course = Course(["a", "b"])

    with pytest.raises(UpstreamError) as caught:
        course.go(REQUEST)
    assert caught.value.status == 400
    assert course.tried == ["a0"]


def test_a_missing_model_is_never_asked_for_twice() -> None:
    """After a 404 the target is out, with all its keys, for good."""
    course = Course(["a", "b"], keys=2)

    with pytest.raises(AttemptsExhausted) as caught:
        course.go(MODEL, MODEL)
    assert course.tried == ["a0", "b0"]
    assert caught.value.status == 404


def test_a_single_target_is_retried_after_growing_pauses() -> None:
    """With nowhere else to go a 503 is retried, each pause up to twice the last."""
    course = Course(["a"])

    course.go(HOST, HOST, HOST)
    assert course.clock.slept == [0.2, 0.4, 0.8]


def test_e5_retry_after_is_honoured() -> None:
    """A pause is never shorter than the provider asked for."""
    course = Course(["a"])

    course.go(failure(Fault.RATE, 429, wait=3.0))
    assert course.clock.slept == [3.0]
    assert course.tried == ["a0", "a0"]


def test_e5_q28_a_long_retry_after_is_passed_on_instead_of_waited_for() -> None:
    """Who asks for a minute is not waited for: the client learns when to come back."""
    course = Course(["a"])

    with pytest.raises(AttemptsExhausted) as caught:
        course.go(failure(Fault.RATE, 429, wait=60.0))
    assert (caught.value.status, caught.value.retry_after) == (429, 60.0)
    assert course.clock.slept == []


def test_e6_o13_a_request_too_long_goes_to_a_model_that_takes_more() -> None:
    """No other key of that model is tried, nor a model that is not known to take more; the next is."""
    course = Course(["a/m@8000", "b/m@8000", "c/m", "d/m@32000"], keys=2)

    assert course.go(SIZE).target.provider.name == "d"
    assert course.tried == ["a0", "d0"]
    assert course.clock.slept == []


@pytest.mark.parametrize("targets", [["a"], ["a/m@8000", "b/m@4000"], ["a/m@8000", "b"]])
def test_e6_too_long_for_all_is_told_as_the_provider_did(targets: list[str]) -> None:
    """Where nobody takes more the client reads the provider's own 400, at once."""
    course = Course(targets, keys=2)

    with pytest.raises(UpstreamError) as caught:
        course.go(SIZE)
    assert caught.value.status == 400
    assert course.tried == ["a0"]
    assert course.clock.slept == []


def test_e6_too_long_after_a_failure_is_the_answer() -> None:
    """A host that failed and is not known to take more is not asked again."""
    course = Course(["a", "b/m@8000"])

    with pytest.raises(UpstreamError) as caught:
        course.go(HOST, SIZE)
    assert caught.value.fault is Fault.SIZE
    assert course.tried == ["a0", "b0"]
    assert sum(course.clock.slept) < 1


def test_while_a_provider_asks_for_time_nobody_calls_it() -> None:
    """A second request within the Retry-After is refused without an upstream call."""
    health, clock = Health(), FakeClock()
    with pytest.raises(AttemptsExhausted):
        Course(["a"], health=health, clock=clock).go(failure(Fault.RATE, 429, wait=60.0))
    clock.time += 30
    second = Course(["a"], health=health, clock=clock)

    with pytest.raises(AttemptsExhausted) as caught:
        second.go()
    assert second.tried == []
    assert caught.value.status == 429
    assert caught.value.retry_after == pytest.approx(30.0)


def test_mixed_failures_are_a_bad_gateway() -> None:
    """Only where every provider says 429, or every one 404, is that the answer; else 502."""
    course = Course(["a", "b"])

    with pytest.raises(AttemptsExhausted) as caught:
        course.go(failure(Fault.RATE, 429, wait=60.0), MODEL)
    assert caught.value.status == 502
    assert [error.upstream_status for error in caught.value.failures] == [429, 404]


@pytest.mark.parametrize("most", range(1, 7))
def test_attempts_are_bounded(most: int) -> None:
    """No request makes more upstream calls than the policy allows, whatever fails."""
    course = Course(["a", "b", "c"], keys=3)

    with pytest.raises(AttemptsExhausted):
        course.go(*[HOST] * 20, policy=RetryPolicy(attempts=most))
    assert len(course.tried) == most


@pytest.mark.parametrize("more", range(3))
def test_further_keys_of_one_provider_are_bounded(more: int) -> None:
    """At most `key_retries` further keys of a provider are tried."""
    course = Course(["a", "b"], keys=5)

    course.go(*[KEY] * (more + 1), policy=RetryPolicy(attempts=10, key_retries=more))
    assert course.tried == [*(f"a{n}" for n in range(more + 1)), "b0"]


def test_a_pause_that_the_deadline_forbids_is_not_made() -> None:
    """With the deadline before the next try, the request ends as 504 and does not sleep into it."""
    course = Course(["a"])

    with pytest.raises(DeadlineExceeded):
        course.go(failure(Fault.HOST, 503, wait=4.0), deadline=course.clock.now() + 3)
    assert course.clock.slept == []


def test_keys_are_asked_for_again_after_a_refusal() -> None:
    """A key that a rotation brought answers the very request that found the old one refused."""
    course = Course(["a"])

    def answers(candidate: Candidate, _: int) -> UpstreamError | None:
        if candidate.credential.key == "fresh":
            return None
        course.keyring = Keyring([Credential("a", "fresh")])
        return KEY

    asyncio.run(course.run(answers, RetryPolicy(), float("inf")))
    assert course.tried == ["a0", "fresh"]


def test_a_refused_key_is_not_tried_again_in_the_same_request() -> None:
    """401 without another key ends after one call."""
    course = Course(["a"])

    with pytest.raises(AttemptsExhausted) as caught:
        course.go(*[KEY] * 9)
    assert course.tried == ["a0"]
    assert caught.value.status == 502


def test_a_client_that_leaves_frees_the_probe() -> None:
    """A cancelled attempt neither counts as failure nor keeps the circuit's only probe."""
    health, clock = Health(Cooldowns(threshold=1)), FakeClock()
    with pytest.raises(AttemptsExhausted):
        Course(["a"], health=health, clock=clock).go(*[HOST] * 4, policy=RetryPolicy(attempts=1))
    clock.time += 11

    async def leave() -> None:
        course = Course(["a"], health=health, clock=clock)

        def answers(_: Candidate, __: int) -> UpstreamError | None:
            raise asyncio.CancelledError

        await course.run(answers, RetryPolicy(), float("inf"))

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(leave())
    assert Course(["a"], health=health, clock=clock).go()


FAILURES = st.sampled_from(
    [HOST, RATE, KEY, MODEL, None, failure(Fault.RATE, 429, 2.0), failure(Fault.HOST, None)]
)


@given(st.lists(FAILURES, max_size=12), st.integers(1, 3), st.integers(1, 3), st.integers(1, 6))
def test_every_script_ends(script: list[UpstreamError | None], targets: int, keys: int, most: int) -> None:
    """Whatever providers answer, a request ends within its attempts, and pauses stay within the patience."""
    course = Course(["a", "b", "c"][:targets], keys=keys)
    policy = RetryPolicy(attempts=most)

    with suppress(AttemptsExhausted):
        course.go(*script, *[HOST] * 20, policy=policy)
    assert 1 <= len(course.tried) <= most
    assert all(pause <= policy.patience for pause in course.clock.slept)
    for place, (key, answer) in enumerate(zip(course.tried, script, strict=False)):
        assert answer is not KEY or key not in course.tried[place + 1 :]
