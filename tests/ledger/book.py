"""A store in which requests have ended: what a ledger is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from tests.fakes.clock import NOON, FakeClock
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.load import builtin
from vaultcore.ledger.export import export
from vaultcore.ledger.sealing import Sealer, seals
from vaultcore.ledger.signing import Signer
from vaultcore.ledger.verify import Verdict, verify
from vaultcore.limits.account import Lease, Spent
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Put, Settlement, Store
from vaultcore.store.memory import MemoryStore
from vaultcore.usage.cost import applied, recomputed
from vaultcore.usage.record import Record, Tried

DAY = 86_400.0
PEPPER = b"vp-" + b"7" * 48
SIGNER = Signer(PEPPER)
T = TypeVar("T")


def run(story: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(story)


@cache
def catalog() -> Catalog:
    return builtin()


def record(id: str, ended: float, key: str = "key_a", **said: Any) -> Record:
    """A request that gpt-4o answered, priced by the catalog."""
    prompt, completion = said.pop("prompt_tokens", 1_000), said.pop("completion_tokens", 10)
    usage = {"prompt_tokens": prompt, "completion_tokens": completion}
    price = applied(usage, catalog().model("openai", "gpt-4o"))  # type: ignore[arg-type]
    assert price is not None
    made = Record(
        id=id,
        key=key,
        at=ended - 1,
        ended=ended,
        path="/v1/chat/completions",
        model="gpt-4o",
        status=200,
        provider="openai",
        served="gpt-4o",
        attempts=(Tried("openai", "gpt-4o", "0123456789ab", 200, 990.5),),
        prompt_tokens=prompt,
        completion_tokens=completion,
        cost=recomputed(price),
        price_version=catalog().price_version,
        price=price,
        ms=1_000.0,
    )
    return replace(made, **said)


class Book:
    """A store with its clock at noon, and a sealer over it."""

    def __init__(self, store: Store | None = None, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.clock.time = NOON
        self.store = store or MemoryStore(self.clock)
        self.sealer = Sealer(self.store, SIGNER, self.clock)
        self.count = 0

    async def spend(self, key: str = "key_a", *, ended: float | None = None, **said: Any) -> Record:
        """One more request ends: a tenth of a second later, unless told when."""
        self.count += 1
        self.clock.time += 0.1
        made = record(f"r{self.count:06d}", ended or self.clock.time, key, **said)
        await self.store.settle(
            Settlement(
                made.id,
                (Level(f"key:{key}", Limits()),),
                Lease(made.at, made.ended + 60),
                Spent(made.prompt_tokens, made.completion_tokens, made.cost or 0),
                Put(document_types.record(made.ended, made.id), made.pack(), version=ABSENT),
            )
        )
        return made

    async def seal(self, **how: Any) -> int:
        """Seal all that has ended, a minute and a bit later."""
        self.clock.time += 61
        return await self.sealer.run(**how)

    async def lines(self, first: str | None = None, last: str | None = None) -> list[bytes]:
        exported = export(self.store, SIGNER, self.clock, first, last)
        return [line.encode() async for line in exported]

    async def seals(self) -> list[Any]:
        return [kept.seal async for kept in seals(self.store, "0001-01-01")]


async def written(days: Sequence[int] = (3, 4, 2), every: int = 2) -> Book:
    """A book of some days, each with so many requests, sealed every few of them."""
    book = Book()
    for day, count in enumerate(days):
        book.clock.time = NOON + day * DAY
        for number in range(count):
            await book.spend(f"key_{'ab'[number % 2]}", prompt_tokens=1_000 + 7 * number)
            if number % every == every - 1:
                await book.seal()
        await book.seal()
    return book


def verdict(lines: Sequence[bytes], **known: Any) -> Verdict:
    return verify(lines, catalog(), **{"public_key": SIGNER.public, **known})
