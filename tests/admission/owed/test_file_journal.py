"""The journal on disk: private, of one store, and readable after its process was killed at any point."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.admission.owed.owed_setup import UnreliableStore, owed, settlement
from tests.fakes.clock import FakeClock
from tests.fakes.served import ROOT
from vaultcore.admission.owed.file_journal import FileJournal
from vaultcore.admission.owed.journal import JournalFailed
from vaultcore.store.base import Settlement
from vaultcore.telemetry import Log

pytestmark = pytest.mark.anyio
URL = "sqlite:store.db"
PROCESS = """\
import asyncio, sys, time
from pathlib import Path
from tests.admission.owed.owed_setup import settlement
from vaultcore.admission.owed.file_journal import FileJournal
from vaultcore.telemetry import Log

async def main():
    journal = FileJournal(Path(sys.argv[1]), "sqlite:store.db", Log())
    for number in range(3):
        await journal.append(settlement(f"r{number}"))
    print("ready", flush=True)
    time.sleep(60)

asyncio.run(main())
"""


@pytest.fixture
def store(clock: FakeClock) -> UnreliableStore:
    return UnreliableStore(clock)


@contextmanager
def running_process(folder: Path) -> Iterator[None]:
    """Run a process that has appended three settlements; kill it at the end of the block."""
    command = [sys.executable, "-c", PROCESS, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.kill()


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def journal(folder: Path, url: str = URL) -> FileJournal:
    return FileJournal(folder, url, Log())


async def test_a_killed_process_loses_nothing(tmp_path: Path, store: UnreliableStore) -> None:
    """While a process lives, nobody else settles its file; after SIGKILL the next maintenance does, once."""
    with running_process(tmp_path):
        await owed(store, journal=journal(tmp_path)).settle_all()
        before = await store.charged()
    for _ in range(2):
        await owed(store, journal=journal(tmp_path)).settle_all()

    assert before == (0, 0)
    assert await store.charged() == (30, 3)
    assert files(tmp_path) == []


@pytest.mark.parametrize("cut", [1, 10, 200])
async def test_a_half_written_line_loses_only_itself(
    cut: int, tmp_path: Path, store: UnreliableStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Complete lines are charged. The file is renamed, and the log names it; no later pass reads it."""
    written = journal(tmp_path)
    for number in range(3):
        await written.append(settlement(f"r{number}"))
    await written.hand_over()
    (file,) = files(tmp_path)
    os.truncate(file, file.stat().st_size - 1 - cut)

    for _ in range(2):
        await owed(store, journal=journal(tmp_path)).settle_all()

    (damaged,) = files(tmp_path)
    assert damaged.suffix == ".damaged"
    assert await store.charged() == (20, 2)
    lines = [vars(each)["fields"] for each in caplog.records]
    assert [(line["file"], line["lines"]) for line in lines] == [(str(damaged), 1)]


async def test_the_directory_and_the_files_are_private(tmp_path: Path) -> None:
    """Only the owner can read what is owed."""
    await journal(tmp_path / "owed").append(settlement("r1"))

    (file,) = files(tmp_path / "owed")
    assert stat.S_IMODE((tmp_path / "owed").stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_another_store_is_not_charged(tmp_path: Path, store: UnreliableStore) -> None:
    """A gateway that was given another store leaves what the first one is owed."""
    written = journal(tmp_path)
    await written.append(settlement("r1"))
    await written.hand_over()

    await owed(store, journal=journal(tmp_path, "sqlite:other.db")).settle_all()
    assert await store.charged() == (0, 0)
    await owed(store, journal=journal(tmp_path)).settle_all()
    assert await store.charged() == (10, 1)


async def test_processes_settle_a_file_together_once(tmp_path: Path, store: UnreliableStore) -> None:
    """Maintenance of several processes at once charges each settlement once."""
    written = journal(tmp_path)
    for number in range(20):
        await written.append(settlement(f"r{number}"))
    await written.hand_over()

    await asyncio.gather(*(owed(store, journal=journal(tmp_path)).settle_all() for _ in range(5)))

    assert await store.charged() == (200, 20)
    assert len(store.calls) == 20


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The error names the directory."""
    os.chmod(tmp_path, 0o500)  # noqa: PTH101 - in a coroutine

    with pytest.raises(JournalFailed, match=str(tmp_path)):
        await journal(tmp_path / "owed").append(settlement("r1"))


async def test_a_full_disk_leaves_no_half_line(tmp_path: Path, store: UnreliableStore) -> None:
    """A write that the disk takes only in part is undone: the lines before and after it stay readable."""
    import resource

    written = journal(tmp_path)
    await written.append(settlement("r1"))
    (file,) = files(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 50, limits[1]))
    try:
        with pytest.raises(JournalFailed):
            await written.append(settlement("r2"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    await written.append(settlement("r3"))
    await written.hand_over()
    calls: list[str] = []

    async def settle(due: Settlement) -> bool:
        calls.append(due.id)
        return True

    assert await journal(tmp_path).settle_entries(settle) == 0
    assert calls == ["r1", "r3"]
