"""What the end of a request's time does to its attempts, and to what is known of providers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.routing.test_attempts import HOST, Course
from vaultcore.errors import AttemptsExhausted, DeadlineExceeded, Fault, OutOfTime, UpstreamError
from vaultcore.routing.attempts import ENOUGH, LEAST, RetryPolicy
from vaultcore.routing.health import Cooldowns, Health
from vaultcore.routing.plan import Candidate


def out_of_time(*, begun: bool = False) -> OutOfTime:
    error = OutOfTime("no", fault=Fault.HOST)
    error.begun = begun
    return error


def taking(course: Course, seconds: float, error: UpstreamError) -> Callable[[Candidate, int], UpstreamError]:
    """Each attempt takes that long, and fails so."""

    def answers(_: Candidate, __: int) -> UpstreamError:
        course.clock.time += seconds
        return error

    return answers


def ends(course: Course, seconds: float, error: UpstreamError, left: float) -> type[BaseException]:
    deadline = course.clock.now() + left
    with pytest.raises((DeadlineExceeded, AttemptsExhausted)) as raised:
        asyncio.run(course.run(taking(course, seconds, error), RetryPolicy(attempts=8), deadline))
    return raised.type


@given(
    seconds=st.floats(0.0, 20.0),
    left=st.floats(0.0, 60.0),
    targets=st.integers(1, 4),
)
def test_no_attempt_begins_in_the_last_second(seconds: float, left: float, targets: int) -> None:
    """However long attempts take, each begins with a second to spare."""
    course = Course([f"p{number}" for number in range(targets)])
    begun: list[float] = []
    end = course.clock.now() + left
    inner = taking(course, seconds, HOST)

    def answers(candidate: Candidate, count: int) -> UpstreamError:
        begun.append(end - course.clock.now())
        return inner(candidate, count)

    with pytest.raises((DeadlineExceeded, AttemptsExhausted)):
        asyncio.run(course.run(answers, RetryPolicy(attempts=8), end))
    assert all(spare >= LEAST - 1e-6 for spare in begun)
    assert bool(begun) == (left >= LEAST)


def test_the_end_of_the_time_is_no_ones_failure_to_retry() -> None:
    """After an attempt that the request's end has stopped nobody else is asked."""
    course = Course(["a", "b"])

    assert ends(course, 3.0, out_of_time(), left=30.0) is DeadlineExceeded
    assert course.tried == ["a0"]


@pytest.mark.parametrize(
    ("seconds", "begun", "blamed"),
    [(ENOUGH, False, True), (ENOUGH - 0.1, False, False), (ENOUGH * 3, True, False)],
)
def test_who_is_to_blame(seconds: float, begun: bool, blamed: bool) -> None:
    """A provider rests for it that had ten seconds and said nothing; not one asked late, or still talking."""
    health = Health(Cooldowns(threshold=1))
    course = Course(["a", "b"], health=health)
    ends(course, seconds, out_of_time(begun=begun), left=60.0)
    course.tried.clear()
    course.go()

    assert course.tried == (["b0"] if blamed else ["a0"])
