"""Rows that an earlier version has written are read and continued, in SQLite and in DynamoDB.

Accounts are imported: those of SQLite when the file is opened, those of DynamoDB at their first use.
`dynamodb/test_previous_accounts` tests DynamoDB accounts that both versions use for a while.

`rows/sqlite.json` and `rows/dynamodb.json` were written by commit e6d6464, the last one before packages and
classes were renamed, under a fixed clock and fixed random numbers. Both contain the same rows: a virtual key
with limits, the limits of its owner and of the gateway, a route, three settled requests with their records
and daily usage, an alert, audit entries, two idempotency claims, a seal, and accounts with an open
reservation. Never regenerate them: they stand for stores that are in use.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.clock import NOON, FakeClock
from tests.store.ministack import table
from vaultcore.compose import compose
from vaultcore.errors import Unauthorized
from vaultcore.idempotency.claims import Claim, Replay
from vaultcore.ledger.export import export_ledger
from vaultcore.ledger.queries import TimeRange, list_entries, list_records, read_usage
from vaultcore.ledger.sealing import Sealer
from vaultcore.ledger.signing import LedgerSigner
from vaultcore.ledger.verify import verify_ledger
from vaultcore.limits.account import Charge, Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, LimitRefused, Reservation
from vaultcore.secrets import FixedSecrets, Secrets
from vaultcore.services import Services
from vaultcore.settings import Settings
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Add, DocumentKey, Put, Settlement, Store
from vaultcore.store.sqlite.store import SQLiteStore
from vaultcore.usage.record import Record
from vaultcore.vault.keyring import Keyring

pytestmark = pytest.mark.anyio
ROWS = Path(__file__).parent / "rows"
PEPPER = b"pepper"
TOKEN, KEY = "vg_H1dEaLx4XHAK3AGd2qB9xgiQL_rUPWGqjyh56yxI", "key_6ce7073abdda87a4"
ACCOUNTS = (f"key:{KEY}", "owner:team", "gateway")
LEASE = Lease(NOON + 2, NOON + 962, tokens=100, minute=80, nanos=7_000_000)
TODAY = TimeRange(NOON - 43_200, NOON + 43_200)


def load_sqlite(folder: Path, clock: FakeClock) -> Store:
    """Write the rows into a new file with the schema of before. Return a store on it."""
    rows = json.loads((ROWS / "sqlite.json").read_text("utf-8"))
    file = folder / "before.db"
    with sqlite3.connect(file) as connection:
        for statement in (*rows["schema"], f"PRAGMA user_version = {rows['user_version']}"):
            connection.execute(statement)
        connection.executemany("INSERT INTO documents VALUES (?, ?, ?, ?, ?)", rows["documents"])
        connection.executemany("INSERT INTO accounts VALUES (?, ?)", rows["accounts"])
    connection.close()
    return SQLiteStore(file, clock)


def load_dynamodb(_: Path, clock: FakeClock) -> Store:
    """Put the items into a new table of the emulator. Return a store on it."""
    emulated = table()
    emulated.put_items(json.loads((ROWS / "dynamodb.json").read_text("utf-8"))["items"])
    return emulated.store(clock)


@pytest.fixture
def clock() -> FakeClock:
    """One second after the open reservation."""
    return FakeClock(NOON + 3)


@pytest.fixture(params=[load_sqlite, load_dynamodb], ids=["sqlite", "dynamodb"])
async def services(
    request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Services]:
    load: Callable[[Path, FakeClock], Store] = request.param
    store = load(tmp_path, clock)
    # Not by its URL: the emulator is slower than the timeouts of a store that is opened so.
    monkeypatch.setattr("vaultcore.compose.open_store", lambda *_: store)
    secrets = FixedSecrets(Secrets(Keyring(()), pepper=PEPPER))
    services = compose(Settings(), secrets, clock=clock)
    yield services
    await services.gateway.upstream.aclose()
    await services.store.aclose()


async def test_the_key_authenticates_with_its_limits_and_routes(services: Services) -> None:
    """The token finds its key, the limits of all three levels apply, and the route is in the catalog."""
    caller = await services.authenticator.authenticate(TOKEN, None)

    assert caller.id == KEY
    assert {level.account: level.limits.pack() for level in caller.levels} == {
        f"key:{KEY}": {
            "rpm": 60,
            "parallel": 4,
            "tokens": 1_000,
            "credits": 5_000_000_000,
            "day": 2_000_000_000,
        },
        "owner:team": {"tokens": 5_000, "month": 20_000_000_000},
        "gateway": {"rpm": 600},
    }
    assert {level.thresholds for level in caller.levels} == {(80, 100)}
    assert "fast" in services.catalog.routes


async def test_the_key_can_be_revoked(services: Services) -> None:
    """A change writes over the version of before, and the token stops working."""
    await services.keys.revoke(KEY, "req-revoke")

    with pytest.raises(Unauthorized):
        await services.authenticator.authenticate(TOKEN, None)


async def test_the_open_reservation_is_settled_once(services: Services) -> None:
    """Its lease is replaced by the charge at every level, and its record is written."""
    store, (levels, now) = services.store, (await levels_of(services), services.clock.now())
    record = Put(document_types.record_key(now, "req-open"), {"id": "req-open"}, version=ABSENT)
    settlement = Settlement("req-open", levels, LEASE, Charge(40, 30, 5_000_000), record)
    before = await store.accounts(*ACCOUNTS)
    results = [await store.settle(settlement) for _ in range(2)]
    after = await store.accounts(*ACCOUNTS)

    assert [(each.in_flight, each.tokens_held) for each in before] == [(1, 950)] * 3
    assert [result.applied for result in results] == [True, False]
    for account in after:
        assert account.in_flight == sum(bucket.requests for bucket in account.buckets.values()) == 0
        assert (account.tokens, account.tokens_held) == (920, 920)
        assert (account.nanos, account.nanos_held) == (9_000_000, 9_000_000)
        assert (account.day_nanos, account.month_held) == (9_000_000, 9_000_000)
        assert (account.settled, account.prompt, account.completion) == (4, 590, 330)


async def test_the_rates_of_before_still_count(services: Services, clock: FakeClock) -> None:
    """Requests of before count until the last of them, which may be of this moment, is a minute old."""
    (key, *_) = await services.store.accounts(ACCOUNTS[0])
    assert (key.requests, key.minute) == (4, 930)

    limit = Level(ACCOUNTS[0], Limits(rpm=4))
    for at in (NOON + 3, NOON + 63.99):
        with pytest.raises(LimitRefused) as refused:
            await services.store.reserve(Reservation(f"early {at}", [limit], Lease(at, at + 60)))
        assert refused.value.denial.limit == "rpm"
    clock.time = NOON + 64
    await services.store.reserve(Reservation("late", [limit], Lease(clock.time, clock.time + 60)))


async def test_usage_is_added(services: Services) -> None:
    """Daily usage of before is continued."""
    usage_key = document_types.usage_key(NOON, KEY, "openai", "gpt-4o")
    await services.store.write(Add(usage_key, {"requests": 1, "prompt_tokens": 40}))

    (usage,) = await services.store.get(usage_key)
    assert usage is not None
    assert (usage.body["requests"], usage.body["prompt_tokens"], usage.version) == (2, 340, 2)


async def test_the_open_reservation_expires(services: Services, clock: FakeClock) -> None:
    """Without a settlement, a sweep after the bucket of its lease releases what it held."""
    clock.time = LEASE.bucket.end - 1
    early = await services.store.sweep(*ACCOUNTS)
    clock.time = LEASE.bucket.end
    released = [await services.store.sweep(*ACCOUNTS) for _ in range(2)]
    accounts = await services.store.accounts(*ACCOUNTS)

    assert (early, released) == (0, [3, 0])
    assert [(account.tokens_held, account.nanos_held) for account in accounts] == [(850, 4_000_000)] * 3


async def test_records_and_usage_are_listed(services: Services) -> None:
    """Every record is read back, newest first, and daily usage has the totals of each model."""
    page = await list_records(services.store, TODAY, lambda _: True, limit=10)
    records = [Record.unpack(document.body) for document in page.documents]
    usage = await read_usage(services.store, TODAY, KEY)

    assert [record.id for record in records] == ["req-two", "req-failed", "req-one"]
    assert [(record.key, record.owner) for record in records] == [(KEY, "team")] * 3
    assert [record.cost for record in records] == [2_500_000, 0, 1_500_000]
    assert [attempt.began_ms for attempt in records[0].attempts] == [250]
    assert {(each.provider, each.model): each.totals.cost_nanos for each in usage} == {
        ("", "openai/gpt-4o"): 0,
        ("openai", "gpt-4o"): 1_500_000,
        ("openai", "gpt-4o-mini"): 2_500_000,
    }
    assert sum(each.totals.failed for each in usage) == 1


async def test_alerts_and_audit_entries_are_listed(services: Services) -> None:
    """The alert of the crossed threshold is there, and an entry for each change by the administrator."""

    async def bodies(collection: str) -> list[dict[str, Any]]:
        page = await list_entries(services.store, collection, TODAY, lambda _: True, limit=10)
        return [document.body for document in page.documents]

    (alert,) = await bodies(document_types.ALERTS)
    audits = await bodies(document_types.AUDITS)

    assert (alert["level"], alert["name"], alert["limit"], alert["percent"]) == ("key", KEY, "tokens", 80)
    assert (alert["used"], alert["most"]) == (850, 1_000)
    assert sorted(entry["action"] for entry in audits) == [
        "keys.create",
        "limits.set",
        "limits.set",
        "routes.set",
    ]


async def test_idempotency_claims_continue(services: Services, clock: FakeClock) -> None:
    """A finished claim replays its response; a running one can be claimed after its lease."""
    replay = await services.claims.begin(KEY, "idem-done", b"request")
    clock.time = NOON + 962
    claim = await services.claims.begin(KEY, "idem-running", b"another request")

    assert isinstance(replay, Replay)
    assert (replay.status, replay.body) == (200, b'{"answer":42}')
    assert isinstance(claim, Claim)
    assert claim.version == 2


async def test_the_ledger_continues(services: Services, clock: FakeClock) -> None:
    """A new record is sealed behind the seal of before, and the export of both is valid."""
    store, signer = services.store, LedgerSigner(PEPPER)
    (row,) = await store.get(DocumentKey("log/2026-11-22", "1795348800000000-req-one"))
    assert row is not None
    record = {**row.body, "id": "req-new", "ended": NOON + 3}
    await store.write(Put(document_types.record_key(NOON + 3, "req-new"), record, version=ABSENT))
    clock.time = NOON + 300
    sealed = await Sealer(store, signer, clock).run()
    exported = [line.encode() async for line in export_ledger(store, signer, clock)]
    report = verify_ledger(exported, public_key=signer.public_key)

    assert sealed == 1
    assert (report.seals, report.rows, report.whole) == (2, 4, True)
    assert report.problem is None


async def levels_of(services: Services) -> Any:
    """Return the levels of the key's caller."""
    return (await services.authenticator.authenticate(TOKEN, None)).levels
