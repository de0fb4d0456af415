"""The deadlines of one attempt, in the event loop's time. Each attempt has its own."""

from __future__ import annotations

import asyncio

from vaultcore.settings import Timeouts

NO_LIMIT = float("inf")
REQUEST_TIME = "the request's deadline"
TOLERANCE = 0.01  # seconds by which a wait may end early


class Deadlines:
    """Computes the next deadline of an attempt, and describes it after it has passed.

    It sets no timer: transports wait until the times that it returns. `total` and `first_token` are seconds
    from now. `remaining` is the time until the request's own deadline, in seconds.
    """

    __slots__ = ("_first", "_idle", "_next", "_now", "_total")

    def __init__(
        self,
        timeouts: Timeouts,
        *,
        total: float,
        first_token: float | None = None,
        remaining: float = NO_LIMIT,
    ) -> None:
        self._now = asyncio.get_running_loop().time
        self._idle = timeouts.idle
        start = self._now()
        self._total = min((start + total, total, "total"), (start + remaining, remaining, REQUEST_TIME))
        self._first = self._total
        if first_token is not None:
            self._first = min(self._total, (start + first_token, first_token, "first token"))
        self._next = self._first

    def for_response(self) -> float:
        """Return when to stop waiting for the response to start."""
        self._next = self._first
        return self._next[0]

    def for_chunk(self) -> float:
        """Return when to stop waiting for the next chunk of the body.

        Raises TimeoutError if that time has passed: a provider may send without any pause.
        """
        now, first = self._now(), self._first
        if now >= first[0]:
            self._next = first
            raise TimeoutError
        until = now + self._idle
        self._next = (until, self._idle, "idle") if until < first[0] else first
        return self._next[0]

    def first_token_arrived(self) -> None:
        """End the first-token deadline."""
        self._first = self._total

    def shorten_idle(self, seconds: float) -> None:
        """Shorten the idle timeout: the response is complete, and only usage may follow."""
        self._idle = min(self._idle, seconds)

    def end_within(self, seconds: float) -> None:
        """Shorten all deadlines to these seconds from now."""
        self._total = self._first = min(self._total, (self._now() + seconds, seconds, "end of the response"))

    @property
    def request_time_is_up(self) -> bool:
        """Return True if the deadline of the request as a whole has passed."""
        return self._total[2] is REQUEST_TIME and self._now() >= self._total[0] - TOLERANCE

    @property
    def description(self) -> str:
        """Return the deadline last waited for, in words."""
        return f"timed out after {self._next[1]:g} s ({self._next[2]})"
