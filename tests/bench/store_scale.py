"""`make bench-store`: the DynamoDB store alone, at rest, with many requests in flight, and under load.

Rates and the limits of partitions are scaled together: 50 requests a second against 100 write units stand for
500 against 1,000.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from tests.bench import store_simulation, stores
from tests.store.dynamodb.load import Profile, run_load
from tests.store.dynamodb.partitions import partitioned
from tests.store.ministack import table
from vaultcore.limits.reservation import Level
from vaultcore.store.dynamodb.shards import BUSY_RATE

SCALE = 10  # requests per second and units are divided by this
UNITS = 1_000 / SCALE
PROFILES = (  # account, requests per second at full scale, seconds
    ("key:one", 100, 60.0),
    ("gateway", 500, 60.0),
)
ANSWER = 8.0  # seconds


def load_lines() -> Iterator[str]:
    """Yield the lines of the runs behind the limits of partitions."""
    titles = f"{'account':<10}{'req/s':>7}{'units/s':>9}{'sent':>7}{'503':>6}{'owed':>6}"
    yield f"{titles}{'WRU/req':>9}{'throttled':>11}"
    for account, rate, seconds in PROFILES:
        yield asyncio.run(_run(account, Profile(rate / SCALE, seconds, ANSWER, BUSY_RATE / SCALE)))


async def _run(account: str, profile: Profile) -> str:
    async with partitioned(table(), UNITS) as served:
        load = await run_load(served, [Level(account, stores.LIMITS)], profile)
    units = sum(served.consumed.values()) / load.sent
    return (
        f"{account:<10}{profile.rate:>7.0f}{UNITS:>9.0f}{load.sent:>7}{load.unavailable:>6}{load.owed:>6}"
        f"{units:>9.2f}{served.throttled:>11}"
    )


def main() -> None:
    """Print all tables."""
    for title, rows in (
        (
            "Cost of a request",
            stores.lines(("dynamodb",), 60, levels=(1, 2, 3, 4, 5), in_flight=(0, 200, 1_000)),
        ),
        ("Behind partition limits, 8 s answers", load_lines()),
        ("In virtual time, 8 s answers", store_simulation.lines()),
    ):
        print(f"\n{title}")
        for row in rows:
            print(row, flush=True)


if __name__ == "__main__":
    main()
