"""Load on a DynamoDB store: requests that arrive at random, each answered after some seconds.

Every request uses a store of its own that has cached nothing, as on Lambda, where an instance serves one
request at a time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from time import monotonic

from tests.store.dynamodb.partitions import PartitionedTable
from tests.store.ministack import PATIENCE, session
from tests.store.store_request import StoreRequest
from vaultcore.aws.dynamodb import DynamoDBClient
from vaultcore.clock import SystemClock
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.account import Charge
from vaultcore.limits.reservation import Level
from vaultcore.store.dynamodb.store import DynamoDBStore

LEASE = 960.0  # seconds
USED = Charge(300, 200, 900_000)


@dataclass(slots=True)
class Load:
    """The outcomes of the requests."""

    sent: int = 0
    settled: int = 0
    unavailable: int = 0  # reservations that the store did not accept
    owed: int = 0  # settlements that the store did not accept
    reasons: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)  # seconds of each reservation

    def wait(self, share: float) -> float:
        """Return a quantile of the time that a reservation takes, in seconds."""
        return sorted(self.waits)[int(share * len(self.waits))] if self.waits else 0.0


@dataclass(frozen=True, slots=True)
class Profile:
    """`rate` requests per second for `seconds`, answered after `answer` seconds on average."""

    rate: float
    seconds: float
    answer: float
    busy_rate: float  # requests per second from which on an account is divided


async def run_load(served: PartitionedTable, levels: Sequence[Level], profile: Profile) -> Load:
    """Send the requests and wait for all of them."""
    client = DynamoDBClient(session(served.table.endpoint), read_timeout=PATIENCE)
    load, chance, tasks = Load(), Random(1), []

    async def run_request(number: int) -> None:
        store = DynamoDBStore(client, served.table.name, SystemClock(), busy_rate=profile.busy_rate)
        now = store.now()
        request = StoreRequest(f"{number}", tuple(levels), now, 4_096, 700, 12_000_000, now + LEASE)
        start = monotonic()
        try:
            result = await store.reserve(request.reservation)
        except StoreUnavailable as error:
            load.unavailable += 1
            load.reasons[str(error.__cause__)] += 1
            return
        load.waits.append(monotonic() - start)
        await asyncio.sleep(chance.gammavariate(2, profile.answer / 2))
        settlement = replace(request.settlement(USED), lease=result.lease)
        try:
            await store.settle(settlement)
        except StoreUnavailable as error:
            load.owed += 1
            load.reasons[str(error.__cause__)] += 1
        else:
            load.settled += 1

    end = monotonic() + profile.seconds
    while monotonic() < end:
        tasks.append(asyncio.ensure_future(run_request(load.sent)))
        load.sent += 1
        await asyncio.sleep(chance.expovariate(profile.rate))
    await asyncio.gather(*tasks)
    await client.aclose()
    return load
