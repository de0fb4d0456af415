"""Owed settlements: charged exactly once, by this process or, if it dies, by another."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.admission.owed.owed_setup import RecordedMetrics, UnreliableStore, owed, settlement
from tests.fakes.clock import FakeClock
from tests.store.ministack import REGION, emulator, session
from vaultcore.admission.owed import settlements
from vaultcore.admission.owed.file_journal import FileJournal
from vaultcore.admission.owed.journal import JournalFailed, NoJournal, OwedJournal
from vaultcore.admission.owed.queue_journal import QueueJournal
from vaultcore.aws.sqs import SqsQueue
from vaultcore.clock import SystemClock
from vaultcore.compose import owed_journal
from vaultcore.settings import Settings
from vaultcore.store.base import Settlement
from vaultcore.telemetry import LOGGER, Log

pytestmark = pytest.mark.anyio
Open = Callable[[], OwedJournal]  # opens the journal as another process does


@pytest.fixture
def store(clock: FakeClock) -> UnreliableStore:
    return UnreliableStore(clock)


def open_queue(name: str) -> SqsQueue:
    """Return a new queue of the emulator."""
    environ = {
        "AWS_ENDPOINT_URL": emulator(),
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": "/dev/null",
    }
    client: Any = session(emulator())().create_client("sqs")
    url = client.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    client.close()
    return SqsQueue(url, SystemClock(), environ=environ)


@pytest.fixture(params=["file", "queue"])
async def open_journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    if request.param == "file":
        yield lambda: FileJournal(tmp_path / "owed", "sqlite:store.db", Log())
        return
    queue = open_queue(f"owed-{uuid4()}")
    yield lambda: QueueJournal(queue, Log())
    queue.close()


async def die(journal: OwedJournal) -> None:
    """Release what a process that dies releases: its locks."""
    await journal.hand_over()


def logged(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    return [vars(each)["fields"] for each in caplog.records if each.name == LOGGER and each.msg == event]


async def test_another_process_settles_what_one_owed(open_journal: Open, store: UnreliableStore) -> None:
    """If a process dies, the maintenance of another one charges its owed settlements once, with the alert."""
    journal = open_journal()
    dead = owed(store, journal=journal)
    store.reason = "throttled"
    for number in range(23):
        await dead.settle(settlement(f"r{number}", 40), "key_one")
    await die(journal)
    store.reason = None

    other = owed(store, journal=open_journal())
    for _ in range(4):  # ten messages each, if the journal is a queue
        await other.settle_all()

    assert await store.charged() == (920, 23)
    assert len(await store.query("alerts")) == 1
    store.calls.clear()
    await other.settle_all()
    assert store.calls == []


async def test_both_may_settle_and_charge_once(open_journal: Open, store: UnreliableStore) -> None:
    """If the process lives, it settles itself; the journal then charges nothing more."""
    process, store.reason = owed(store, journal=open_journal()), "unavailable"
    for number in range(3):
        await process.settle(settlement(f"r{number}"), "key_one")
    store.reason = None

    await asyncio.gather(process.settle_owed(), process.settle_all())
    await owed(store, journal=open_journal()).settle_all()

    assert await store.charged() == (30, 3)


async def test_nothing_is_dropped_while_the_store_is_unavailable(
    open_journal: Open, store: UnreliableStore
) -> None:
    """A pass of maintenance that fails keeps every entry, and reports how many are pending at least."""
    journal, metrics = open_journal(), RecordedMetrics()
    dead, store.reason = owed(store, journal=journal), "unavailable"
    for number in range(5):
        await dead.settle(settlement(f"r{number}"), "key_one")
    await die(journal)

    other = owed(store, journal=open_journal(), metrics=metrics)
    await other.settle_all()
    assert metrics.pending
    assert metrics.pending[0] >= 1
    store.reason = None
    await other.settle_all()

    assert await store.charged() == (50, 5)


@pytest.mark.parametrize("reason", ["throttled", "timeout", "disk_full", "unavailable"])
async def test_the_reason_is_counted_and_logged(
    reason: str, open_journal: Open, store: UnreliableStore, caplog: pytest.LogCaptureFixture
) -> None:
    """An owed settlement is counted once with its reason; the log has its figures and the reason."""
    metrics, store.reason = RecordedMetrics(), reason
    process = owed(store, journal=open_journal(), metrics=metrics)
    await process.settle(settlement("r1", 12), "key_one")
    await process.settle_owed()

    assert metrics.reasons == [reason]
    (line,) = logged(caplog, "settlement owed")
    assert line == {
        "request_id": "r1",
        "key": "key_one",
        "reason": reason,
        "prompt_tokens": 12,
        "completion_tokens": 0,
        "cost_nanos": 3,
        "is_journaled": True,
    }


async def test_a_full_memory_leaves_the_rest_to_the_journal(
    tmp_path: Path, store: UnreliableStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many settlements are owed, the memory of the process is bounded, and none is lost."""
    monkeypatch.setattr(settlements, "CAPACITY", 10)
    process = owed(store, journal=FileJournal(tmp_path, "sqlite:store.db", Log()))
    store.reason = "unavailable"
    for number in range(35):
        await process.settle(settlement(f"r{number}", 1), "key_one")
    assert len(process._owed) <= 10
    store.reason = None
    await process.settle_all()

    assert await store.charged() == (35, 35)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - in a coroutine


class FailingJournal(FileJournal):
    """A journal on a full disk."""

    is_full = True

    async def append(self, due: Settlement) -> None:
        if self.is_full:
            raise JournalFailed("no space left on device")
        await super().append(due)


async def test_a_failing_journal_loses_only_the_oldest_and_logs_them(
    tmp_path: Path, store: UnreliableStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a journal, memory has the newest; each settlement that is dropped has a line in the log."""
    monkeypatch.setattr(settlements, "CAPACITY", 10)
    process = owed(store, journal=FailingJournal(tmp_path, "sqlite:store.db", Log()))
    store.reason = "disk_full"
    with caplog.at_level(logging.ERROR, LOGGER):
        for number in range(13):
            await process.settle(settlement(f"r{number}", 1), "key_one")
    store.reason = None
    await process.settle_owed()

    assert await store.charged() == (10, 10)
    assert [line["request_id"] for line in logged(caplog, "settlement lost")] == ["r0", "r1", "r2"]
    assert {line["is_journaled"] for line in logged(caplog, "settlement owed")} == {False}


async def test_maintenance_repeats_a_failed_append(tmp_path: Path, store: UnreliableStore) -> None:
    """A settlement that the journal did not accept at first is in it after the next maintenance."""
    journal = FailingJournal(tmp_path, "sqlite:store.db", Log())
    process, store.reason = owed(store, journal=journal), "disk_full"
    await process.settle(settlement("r1"), "key_one")
    journal.is_full = False
    await process.settle_all()
    await die(journal)
    store.reason = None
    await owed(store, journal=FileJournal(tmp_path, "sqlite:store.db", Log())).settle_all()

    assert await store.charged() == (10, 1)


async def test_a_cancelled_settlement_is_owed(store: UnreliableStore) -> None:
    """A settlement whose task is cancelled is settled later, once."""
    gate = asyncio.Event()

    async def settle_slowly(due: Settlement) -> Any:
        await gate.wait()
        return await store.settle(due)

    process = settlements.OwedSettlements(settle_slowly, lambda _due, _result: None, Log())
    task = asyncio.create_task(process.settle(settlement("r1"), "key_one"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    gate.set()
    await process.settle_owed()

    assert await store.charged() == (10, 1)


@pytest.mark.parametrize(
    ("settings", "journal"),
    [
        ({"store": "sqlite:store.db"}, FileJournal),
        ({"store": "dynamodb:table"}, FileJournal),
        ({"store": "dynamodb:table", "owed_queue": "http://127.0.0.1/q"}, QueueJournal),
        ({"store": "dynamodb:table", "owed_queue": "http://127.0.0.1/q", "function": "f"}, QueueJournal),
        ({"store": "dynamodb:table", "function": "f"}, NoJournal),  # the disk of a function is not kept
        ({"store": "memory:"}, NoJournal),  # what is owed ends with its store
    ],
)
async def test_settings_choose_the_journal(settings: dict[str, str], journal: type, tmp_path: Path) -> None:
    """A queue if one is set, else the data directory if the store and the disk outlive the process."""
    chosen = owed_journal(Settings(home=tmp_path, **settings), SystemClock(), Log())  # type: ignore[arg-type]

    assert type(chosen) is journal
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - in a coroutine


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", range(6))
async def test_a_process_killed_at_any_step_charges_once(
    step: int, open_journal: Open, store: UnreliableStore
) -> None:
    """Maintenance that dies before or after any of three charges leaves the rest to the next one."""
    journal = open_journal()
    dead, store.reason = owed(store, journal=journal), "unavailable"
    for number in range(3):
        await dead.settle(settlement(f"r{number}"), "key_one")
    await die(journal)
    store.reason = None
    steps = iter(range(6))

    async def settle(due: Settlement) -> bool:
        if next(steps) == step:
            raise Killed
        await store.settle(due)
        if next(steps) == step:
            raise Killed
        return True

    with pytest.raises(Killed):
        await open_journal().settle_entries(settle)
    await owed(store, journal=open_journal()).settle_all()

    assert await store.charged() == (30, 3)
