"""The deadlines of one attempt, in the event loop's own time. Made anew for every attempt."""

from __future__ import annotations

import asyncio

from vaultcore.settings import Timeouts

ENDLESS = float("inf")
OWN = "all this request has"
NEARLY = 0.01  # seconds by which a wait may end early


class Timer:
    """Knows which deadline comes next, and its name once it has passed.

    `left` is what the request as a whole may still take: nothing is waited for beyond it.
    """

    def __init__(
        self, timeouts: Timeouts, *, whole: float, first: float | None = None, left: float = ENDLESS
    ) -> None:
        self._now = asyncio.get_running_loop().time
        self._idle = timeouts.idle
        began = self._now()
        self._whole = min((began + whole, whole, "total"), (began + left, left, OWN))
        self._first = (began + first, first, "first token") if first is not None else self._whole
        self._next = min(self._whole, self._first)

    def until_answer(self) -> float:
        """When to stop waiting for the answer to begin."""
        self._next = min(self._whole, self._first)
        return self._next[0]

    def until_piece(self) -> float:
        """When to stop waiting for the next piece of it."""
        self._next = min(self._whole, self._first, (self._now() + self._idle, self._idle, "idle"))
        return self._next[0]

    def begun(self) -> None:
        """The answer's first token is there."""
        self._first = self._whole

    def settle(self, seconds: float) -> None:
        """The answer has finished: what may follow it comes soon or not at all."""
        self._idle = min(self._idle, seconds)

    def shorten(self, seconds: float) -> None:
        """From now on nothing may take longer than this."""
        self._whole = self._first = min(self._whole, (self._now() + seconds, seconds, "end of the answer"))

    @property
    def spent(self) -> bool:
        """Whether the request's own time is over."""
        return self._whole[2] is OWN and self._now() >= self._whole[0] - NEARLY

    @property
    def passed(self) -> str:
        """The deadline last waited for, in words."""
        return f"timed out after {self._next[1]:g} s ({self._next[2]})"
