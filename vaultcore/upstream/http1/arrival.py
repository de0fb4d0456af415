"""A wait for the bytes of a connection that resumes its task at once.

asyncio.Future resumes a task in the next iteration of the event loop: another system call, and another round
of asyncio's own code. With this class, a chunk of a stream takes 4 µs of 80 less, and a stream begins sooner.
The methods that asyncio.Task calls are those of asyncio.Future.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context


class Arrival:
    """A future that one task awaits once. Its result is None.

    `set_result` and `set_exception` are for callbacks of the event loop, such as `data_received`: the task
    runs before they return. Call them last.
    """

    __slots__ = ("_asyncio_future_blocking", "_callback", "_context", "_error", "_is_done", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asyncio_future_blocking = self._is_done = False
        self._callback: Callable[[Arrival], object] | None = None
        self._context: Context | None = None
        self._error: BaseException | None = None

    def __await__(self) -> Generator[Arrival, None, None]:
        if self._is_done:
            self.result()
        else:
            self._asyncio_future_blocking = True
            yield self  # the task calls `result`, and raises its error here

    def done(self) -> bool:
        return self._is_done

    def set_result(self, _result: None) -> None:
        self._is_done = True
        if (callback := self._callback) is None:
            return
        if self._context is None or asyncio.current_task(self._loop) is not None:
            self._loop.call_soon(callback, self, context=self._context)  # a task cannot run in another
        else:
            self._context.run(callback, self)

    def set_exception(self, error: BaseException) -> None:
        self._error = error
        self.set_result(None)

    def cancel(self, msg: str | None = None) -> bool:
        """Return True if the wait ends with a cancellation; called when its task is cancelled."""
        if self._is_done:
            return False
        self._is_done = True
        self._error = asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)
        if self._callback is not None:
            self._loop.call_soon(self._callback, self, context=self._context)
        return True

    # --- called by asyncio.Task ---

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def add_done_callback(
        self, callback: Callable[[Arrival], object], *, context: Context | None = None
    ) -> None:
        self._callback, self._context = callback, context

    def result(self) -> None:
        if self._error is not None:
            raise self._error
