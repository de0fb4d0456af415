"""Load behind the limits of DynamoDB: write units per partition, item locks. `make bench-store` runs more."""

from __future__ import annotations

import pytest

from tests.sizes import times
from tests.store.dynamodb.load import USED, Profile, run_load
from tests.store.dynamodb.partitions import partitioned
from tests.store.ministack import table
from tests.store.store_request import level
from vaultcore.clock import SystemClock
from vaultcore.limits.limits import Limits
from vaultcore.money import Nanos

pytestmark = pytest.mark.anyio
LIMITS = Limits(rpm=10**6, tpm=10**9, tokens=10**12, credits=Nanos(10**18), day=Nanos(10**18))


@pytest.mark.repeated
@pytest.mark.parametrize(
    ("account", "profile", "units"),
    [
        ("key:one", Profile(rate=6.0, seconds=times(4, 16), answer=2.0, busy_rate=10**6), 40.0),
        ("gateway", Profile(rate=10.0, seconds=times(7, 24), answer=2.0, busy_rate=3.0), 12.0),
    ],
    ids=["one item", "divided"],
)
async def test_nothing_is_lost_under_load(account: str, profile: Profile, units: float) -> None:
    """No request is refused by the store, none stays owed, every one is charged once, and each is cheap.

    The second account gets almost twice as many writes as one partition takes: only as shards it can.
    """
    at = table()
    async with partitioned(at, units) as served:
        load = await run_load(served, [level(account, LIMITS)], profile)
        store = at.store(SystemClock())
        (total,) = await store.accounts(account)
        await store.aclose()

        assert (load.unavailable, load.owed, load.settled) == (0, 0, load.sent), load.reasons
        assert (total.settled, total.in_flight) == (load.sent, 0)
        assert (total.tokens, total.tokens_held) == (USED.tokens * load.sent, USED.tokens * load.sent)
        assert sum(served.consumed.values()) / load.sent <= 6.0
