"""The request's deadline: when attempts stop, and which provider is blamed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.routing.attempt_loop import HOST, AttemptLoop
from vaultcore.errors import (
    AttemptDeadlineExceeded,
    AttemptsExhausted,
    DeadlineExceeded,
    Fault,
    UpstreamError,
)
from vaultcore.routing.attempts import BLAME_AFTER, SHORTEST_ATTEMPT, RetryPolicy
from vaultcore.routing.candidate import Candidate
from vaultcore.routing.health import Cooldowns, Health


def deadline_error(*, has_started: bool = False) -> AttemptDeadlineExceeded:
    error = AttemptDeadlineExceeded("no", fault=Fault.HOST)
    error.has_started = has_started
    return error


def failing_after(
    loop: AttemptLoop, seconds: float, error: UpstreamError
) -> Callable[[Candidate, int], UpstreamError]:
    """Return a provider whose calls take `seconds` and fail with `error`."""

    def respond(_: Candidate, __: int) -> UpstreamError:
        loop.clock.time += seconds
        return error

    return respond


def run_to_error(
    loop: AttemptLoop, seconds: float, error: UpstreamError, remaining: float
) -> type[BaseException]:
    """Return the class of the error that ends the request."""
    deadline = loop.clock.now() + remaining
    with pytest.raises((DeadlineExceeded, AttemptsExhausted)) as raised:
        asyncio.run(loop.run(failing_after(loop, seconds, error), RetryPolicy(attempts=8), deadline))
    return raised.type


@given(
    seconds=st.floats(0.0, 20.0),
    remaining=st.floats(0.0, 60.0),
    targets=st.integers(1, 4),
)
def test_no_attempt_starts_in_the_last_second(seconds: float, remaining: float, targets: int) -> None:
    """Every attempt starts at least SHORTEST_ATTEMPT seconds before the deadline."""
    loop = AttemptLoop([f"p{number}" for number in range(targets)])
    starts: list[float] = []
    end = loop.clock.now() + remaining
    fail = failing_after(loop, seconds, HOST)

    def respond(candidate: Candidate, count: int) -> UpstreamError:
        starts.append(end - loop.clock.now())
        return fail(candidate, count)

    with pytest.raises((DeadlineExceeded, AttemptsExhausted)):
        asyncio.run(loop.run(respond, RetryPolicy(attempts=8), end))
    assert all(seconds_left >= SHORTEST_ATTEMPT - 1e-6 for seconds_left in starts)
    assert bool(starts) == (remaining >= SHORTEST_ATTEMPT)


def test_an_attempt_that_the_deadline_stops_is_not_retried() -> None:
    """After an attempt that the request's deadline stopped, no other attempt is made."""
    loop = AttemptLoop(["a", "b"])

    assert run_to_error(loop, 3.0, deadline_error(), remaining=30.0) is DeadlineExceeded
    assert loop.used_keys == ["a0"]


@pytest.mark.parametrize(
    ("seconds", "has_started", "blamed"),
    [(BLAME_AFTER, False, True), (BLAME_AFTER - 0.1, False, False), (BLAME_AFTER * 3, True, False)],
)
def test_a_silent_provider_is_blamed_for_a_missed_deadline(
    seconds: float, has_started: bool, blamed: bool
) -> None:
    """A provider gets a cooldown if it sent nothing for BLAME_AFTER seconds.

    A provider that was called late, or had started its response, gets none.
    """
    health = Health(Cooldowns(threshold=1))
    loop = AttemptLoop(["a", "b"], health=health)
    run_to_error(loop, seconds, deadline_error(has_started=has_started), remaining=60.0)
    loop.used_keys.clear()
    loop.run_script()

    assert loop.used_keys == (["b0"] if blamed else ["a0"])
