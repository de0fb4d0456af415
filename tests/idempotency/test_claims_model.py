"""Claims in any order of events behave like a simple model."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.idempotency.claims_setup import LEASE, build_claims
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
    """One key: its running claim since when, or its response and when that was stored."""

    now: float = 0.0
    request: bytes | None = None
    holder: int | None = None
    since: float = 0.0
    answer: bytes | None = None
    answered_at: float = 0.0
    requests: list[bytes] = field(default_factory=list)  # by holder

    def begin(self, request: bytes) -> str | int | bytes:
        if self.answer is not None and self.now - self.answered_at >= RETENTION:
            self.answer = None
        if self.holder is not None and self.now - self.since >= RETENTION:
            self.holder = None
        if self.answer is not None:
            return self.answer if request == self.request else "reused"
        if self.holder is not None:
            if request != self.request:
                return "reused"
            if self.now - self.since < LEASE:
                return "running"
        self.holder, self.since, self.request = len(self.requests), self.now, request
        self.requests.append(request)
        return self.holder

    def end(self, holder: int, answer: bytes | None) -> None:
        if holder == self.holder and self.now - self.since < RETENTION:
            self.holder, self.answer, self.answered_at = None, answer, self.now


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_claims_behave_like_the_model(steps: list[tuple[str, object]]) -> None:
    """Claims that begin, end late, expire and are taken over in any order behave like the model."""
    asyncio.run(Comparison().run(steps))


class Comparison:
    """Applies the same steps to claims and model, and compares the results."""

    def __init__(self) -> None:
        self.clock, self.model = FakeClock(), Model()
        self.claims = build_claims(MemoryStore(self.clock), self.clock)
        self.claims_in_order: list[Claim] = []

    async def run(self, steps: list[tuple[str, object]]) -> None:
        for step in steps:
            match step:
                case "wait", float(seconds):
                    self.clock.time += seconds
                    self.model.now += seconds
                case "begin", bytes(request):
                    expected = self.model.begin(request)
                    assert await self.begin(request) == expected
                case str(action), int(number) if number < len(self.claims_in_order):
                    await self.end(number, f"{number}".encode() if action == "finish" else None)

    async def begin(self, request: bytes) -> str | int | bytes:
        try:
            outcome = await self.claims.begin("key_1", "k", request)
        except IdempotencyConflict:
            return "running"
        except IdempotencyKeyReused:
            return "reused"
        if isinstance(outcome, Replay):
            return outcome.body
        self.claims_in_order.append(outcome)
        return len(self.claims_in_order) - 1

    async def end(self, number: int, answer: bytes | None) -> None:
        self.model.end(number, answer)
        if answer is None:
            await self.claims.release(self.claims_in_order[number])
        else:
            await self.claims.finish(self.claims_in_order[number], 200, {}, answer)
