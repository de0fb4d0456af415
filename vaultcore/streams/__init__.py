"""A stream is a chain of small machines. Only its two ends touch a network."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import Protocol, TypeVar

In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)
A = TypeVar("A")
B = TypeVar("B")


class Stage(Protocol[In_contra, Out_co]):
    """A machine that is fed items one at a time and answers with what they complete."""

    def feed(self, item: In_contra) -> Iterable[Out_co]: ...

    def close(self) -> Iterable[Out_co]:
        """What was held back, once nothing more will be fed."""
        ...


async def through(source: AsyncIterator[A], stage: Stage[A, B]) -> AsyncGenerator[B, None]:
    """Run a stream through a stage."""
    async for item in source:
        for out in stage.feed(item):
            yield out
    for out in stage.close():
        yield out
