"""Accounts are calculated by DynamoDB's time, so that an instance with a wrong clock cannot harm others."""

from __future__ import annotations

import time

import pytest

from tests.fakes.clock import FakeClock
from tests.store.ministack import EmulatedTable, session, table
from tests.store.store_request import StoreRequest, level
from vaultcore.aws.dynamodb import DynamoDBClient
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import LimitRefused
from vaultcore.store.base import DocumentKey
from vaultcore.store.dynamodb.store import DynamoDBStore

pytestmark = pytest.mark.anyio
LEASE = 960.0  # seconds


def store_at(at: EmulatedTable, wrong_by: float) -> DynamoDBStore:
    """Return the store of an instance whose clock differs from DynamoDB's, wired as in `compose`."""
    clock = FakeClock(time.time() + wrong_by)
    client = DynamoDBClient(session(at.endpoint), clock=clock, read_timeout=20)
    return DynamoDBStore(client, at.name, clock, server_now=client.server_now)


def request(name: str, store: DynamoDBStore) -> StoreRequest:
    levels = (level("key:one", Limits(parallel=1)),)
    return StoreRequest(name, levels, store.now(), tokens=10, until=store.now() + LEASE)


@pytest.mark.parametrize("wrong_by", [1_200.0, -1_200.0, 86_400.0])
async def test_an_instance_with_a_wrong_clock_frees_nothing(wrong_by: float) -> None:
    """An instance that is 20 minutes or a day off refuses what others hold, and a sweep releases nothing."""
    at = table()
    correct, wrong = store_at(at, 0.0), store_at(at, wrong_by)
    for store in (correct, wrong):
        await store.get(DocumentKey("keys", "one"))  # as each request does first, to authenticate its key
    first = request("first", correct)
    await correct.reserve(first.reservation)

    with pytest.raises(LimitRefused):
        await wrong.reserve(request("other", wrong).reservation)
    assert await wrong.sweep("key:one") == 0
    assert abs(wrong.now() - correct.now()) <= 2.0
    (account,) = await correct.accounts("key:one")
    assert (account.in_flight, account.tokens_held) == (1, 10)

    for store in (correct, wrong):
        await store.aclose()
