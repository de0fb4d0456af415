"""A store with settled requests, from which tests export ledgers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from tests.fakes.clock import NOON, FakeClock
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.load import load_builtin
from vaultcore.ledger.export import export_ledger
from vaultcore.ledger.sealing import Sealer, iterate_seals
from vaultcore.ledger.signing import LedgerSigner
from vaultcore.ledger.verify import VerificationReport, verify_ledger
from vaultcore.limits.account import Charge, Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Put, Settlement, Store
from vaultcore.store.memory import MemoryStore
from vaultcore.usage.cost import cost_of_detail, price_detail
from vaultcore.usage.record import AttemptRecord, Record

DAY = 86_400.0
PEPPER = b"vp-" + b"7" * 48
SIGNER = LedgerSigner(PEPPER)
T = TypeVar("T")


def run(scenario: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(scenario)


@cache
def catalog() -> Catalog:
    return load_builtin()


def record(id: str, ended: float, key: str = "key_a", **fields: Any) -> Record:
    """Return the record of a request to gpt-4o, priced by the catalog."""
    prompt, completion = fields.pop("prompt_tokens", 1_000), fields.pop("completion_tokens", 10)
    usage = {"prompt_tokens": prompt, "completion_tokens": completion}
    price = price_detail(usage, catalog().model("openai", "gpt-4o"))  # type: ignore[arg-type]
    assert price is not None
    row = Record(
        id=id,
        key=key,
        at=ended - 1,
        ended=ended,
        path="/v1/chat/completions",
        model="gpt-4o",
        status=200,
        provider="openai",
        served="gpt-4o",
        attempts=(AttemptRecord("openai", "gpt-4o", "0123456789ab", 200, 990.5),),
        prompt_tokens=prompt,
        completion_tokens=completion,
        cost=cost_of_detail(price),
        price_version=catalog().price_version,
        price=price,
        ms=1_000.0,
    )
    return replace(row, **fields)


class SampleLedger:
    """A store with its clock at noon, and a sealer on it."""

    def __init__(self, store: Store | None = None, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.clock.time = NOON
        self.store = store or MemoryStore(self.clock)
        self.sealer = Sealer(self.store, SIGNER, self.clock)
        self.count = 0

    async def add_record(self, key: str = "key_a", *, ended: float | None = None, **fields: Any) -> Record:
        """Settle one more request: a tenth of a second later, unless `ended` is given."""
        self.count += 1
        self.clock.time += 0.1
        row = record(f"r{self.count:06d}", ended or self.clock.time, key, **fields)
        await self.store.settle(
            Settlement(
                row.id,
                (Level(f"key:{key}", Limits()),),
                Lease(row.at, row.ended + 60),
                Charge(row.prompt_tokens, row.completion_tokens, row.cost or 0),
                Put(document_types.record_key(row.ended, row.id), row.pack(), version=ABSENT),
            )
        )
        return row

    async def seal(self, **options: Any) -> int:
        """Seal all records, 61 seconds later."""
        self.clock.time += 61
        return await self.sealer.run(**options)

    async def lines(self, first: str | None = None, last: str | None = None) -> list[bytes]:
        exported = export_ledger(self.store, SIGNER, self.clock, first, last)
        return [line.encode() async for line in exported]

    async def seals(self) -> list[Any]:
        return [stored.seal async for stored in iterate_seals(self.store, "0001-01-01")]


async def sample_ledger(days: Sequence[int] = (3, 4, 2), every: int = 2) -> SampleLedger:
    """Return a ledger of several days with so many requests each, sealed after every few of them."""
    ledger = SampleLedger()
    for day, count in enumerate(days):
        ledger.clock.time = NOON + day * DAY
        for number in range(count):
            await ledger.add_record(f"key_{'ab'[number % 2]}", prompt_tokens=1_000 + 7 * number)
            if number % every == every - 1:
                await ledger.seal()
        await ledger.seal()
    return ledger


def verify(lines: Sequence[bytes], **options: Any) -> VerificationReport:
    return verify_ledger(lines, catalog(), **{"public_key": SIGNER.public_key, **options})
