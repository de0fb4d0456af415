"""Stream codecs: classes that are fed one item at a time and do no I/O, and the generator that runs them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import Protocol, TypeVar

In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)
A = TypeVar("A")
B = TypeVar("B")


class Stage(Protocol[In_contra, Out_co]):
    """One step of a stream: bytes to events, events to chunks, chunks to events."""

    def feed(self, item: In_contra) -> Iterable[Out_co]:
        """Return the items that this one completes."""
        ...

    def close(self) -> Iterable[Out_co]:
        """Return the items that are buffered; the stream has ended."""
        ...


async def through(source: AsyncIterator[A], stage: Stage[A, B]) -> AsyncGenerator[B, None]:
    """Yield what the stage returns for the items of the source."""
    async for item in source:
        for out in stage.feed(item):
            yield out
    for out in stage.close():
        yield out
