"""The wait for the bytes of a connection."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest

from vaultcore.upstream.http1.arrival import Arrival

NAME: ContextVar[str] = ContextVar("NAME", default="")


async def until(arrival: Arrival, events: list[str]) -> None:
    NAME.set("waiting")
    await arrival
    events.append(NAME.get())


def run_from_loop(arrival: Arrival, events: list[str], error: BaseException | None = None) -> None:
    """End the wait, as a transport does: in a callback of the event loop."""
    if error is None:
        arrival.set_result(None)
    else:
        arrival.set_exception(error)
    events.append("callback")


def test_a_task_resumes_inside_the_callback_and_in_its_own_context() -> None:
    """The task runs before the callback that ends its wait returns, with the task's context variables."""
    events: list[str] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        arrival = Arrival(loop)
        loop.call_later(0.001, run_from_loop, arrival, events)
        await asyncio.create_task(until(arrival, events))
        await asyncio.sleep(0)

    asyncio.run(scenario())

    assert events == ["waiting", "callback"]


def test_a_task_does_not_run_inside_another() -> None:
    """A task that ends another one's wait goes on; the other one runs later."""
    events: list[str] = []

    async def scenario() -> None:
        arrival = Arrival(asyncio.get_running_loop())
        waiting = asyncio.create_task(until(arrival, events))
        await asyncio.sleep(0)
        run_from_loop(arrival, events)
        await waiting

    asyncio.run(scenario())

    assert events == ["callback", "waiting"]


def test_an_error_is_raised_where_the_task_waits() -> None:
    """`set_exception` ends the wait with that exception."""

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        arrival = Arrival(loop)
        loop.call_later(0.001, run_from_loop, arrival, [], TimeoutError("late"))
        await arrival

    with pytest.raises(TimeoutError, match="late"):
        asyncio.run(scenario())


def test_a_wait_that_has_ended_does_not_wait() -> None:
    """Awaiting it after its end returns, or raises its error, at once."""

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        ended, failed = Arrival(loop), Arrival(loop)
        ended.set_result(None)
        failed.set_exception(ConnectionError())
        await ended
        with pytest.raises(ConnectionError):
            await failed

    asyncio.run(scenario())


def test_a_cancelled_task_stops_to_wait() -> None:
    """Cancellation of the task ends the wait, also by a timeout; bytes that arrive later do no harm."""
    events: list[str] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        cancelled, late = Arrival(loop), Arrival(loop)
        waiting = asyncio.create_task(until(cancelled, events))
        await asyncio.sleep(0)
        waiting.cancel("enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await waiting
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await late
        assert cancelled.done()
        assert not cancelled.cancel()

    asyncio.run(scenario())

    assert events == []
