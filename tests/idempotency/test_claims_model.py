"""Claims in any order of events, held against a model that is told in a few lines."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.idempotency.claiming import LEASE, claims
from vaultcore.errors import IdempotencyConflict, IdempotencyKeyReused
from vaultcore.idempotency.claims import RETENTION, Claim, Replay
from vaultcore.store.memory import MemoryStore

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.sampled_from([b"this", b"that"])),
        st.tuples(st.sampled_from(["finish", "release"]), st.integers(0, 5)),
        st.tuples(st.just("wait"), st.sampled_from([1.0, LEASE / 2, LEASE, RETENTION / 2, RETENTION])),
    ),
    max_size=30,
)


@dataclass(slots=True)
class Model:
    """One key, told naively: who holds it and since when, or what was answered and when."""

    now: float = 0.0
    asked: bytes | None = None
    holder: int | None = None
    since: float = 0.0
    answer: bytes | None = None
    answered: float = 0.0
    taken: list[bytes] = field(default_factory=list)  # what each holder was asked

    def begin(self, asked: bytes) -> str | int | bytes:
        if self.answer is not None and self.now - self.answered >= RETENTION:
            self.answer = None
        if self.holder is not None and self.now - self.since >= RETENTION:
            self.holder = None
        if self.answer is not None:
            return self.answer if asked == self.asked else "reused"
        if self.holder is not None:
            if asked != self.asked:
                return "reused"
            if self.now - self.since < LEASE:
                return "running"
        self.holder, self.since, self.asked = len(self.taken), self.now, asked
        self.taken.append(asked)
        return self.holder

    def end(self, holder: int, answer: bytes | None) -> None:
        if holder == self.holder and self.now - self.since < RETENTION:
            self.holder, self.answer, self.answered = None, answer, self.now


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_any_order_of_events(steps: list[tuple[str, object]]) -> None:
    """However claims begin, end late, are forgotten and taken over, they do as the plain model does."""
    asyncio.run(Compared().run(steps))


class Compared:
    """Both of them, taken through the same steps."""

    def __init__(self) -> None:
        self.clock, self.model = FakeClock(), Model()
        self.shop = claims(MemoryStore(self.clock), self.clock)
        self.held: list[Claim] = []

    async def run(self, steps: list[tuple[str, object]]) -> None:
        for step in steps:
            match step:
                case "wait", float(seconds):
                    self.clock.time += seconds
                    self.model.now += seconds
                case "begin", bytes(asked):
                    expected = self.model.begin(asked)
                    assert await self.begin(asked) == expected
                case str(what), int(number) if number < len(self.held):
                    await self.end(number, f"{number}".encode() if what == "finish" else None)

    async def begin(self, asked: bytes) -> str | int | bytes:
        try:
            found = await self.shop.begin("key_1", "k", asked)
        except IdempotencyConflict:
            return "running"
        except IdempotencyKeyReused:
            return "reused"
        if isinstance(found, Replay):
            return found.body
        self.held.append(found)
        return len(self.held) - 1

    async def end(self, number: int, answer: bytes | None) -> None:
        self.model.end(number, answer)
        if answer is None:
            await self.shop.release(self.held[number])
        else:
            await self.shop.finish(self.held[number], 200, {}, answer)
