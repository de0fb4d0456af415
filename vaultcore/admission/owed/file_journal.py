"""A journal in a directory on this machine: one file of JSON lines for each process, private to its owner.

A process holds a lock on its file while it lives. A file without a lock belongs to a process that has
died or has handed it over; any process may settle it. The name begins with a digest of the store's URL, so
that another store never receives the charges.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from vaultcore.admission.owed.journal import JournalFailed, Settle
from vaultcore.admission.owed.settlement_json import parse_settlement, render_settlement
from vaultcore.store.base import Settlement
from vaultcore.telemetry import Log

SUFFIX, DAMAGED = ".jsonl", ".damaged"


class FileJournal:
    """One per process. The first append creates the directory and the file."""

    def __init__(self, folder: Path, store_url: str, log: Log) -> None:
        self._folder, self._log = folder, log
        self._prefix = f"{hashlib.sha256(store_url.encode()).hexdigest()[:12]}-"
        self._lock = Lock()  # of the next two: a cancelled task leaves its thread running
        self._file: Path | None = None
        self._descriptor = -1

    async def append(self, due: Settlement) -> None:
        """See `OwedJournal`. The line is on the disk when this returns."""
        line = f"{render_settlement(due)}\n".encode()
        try:
            await asyncio.to_thread(self._append, line)
        except OSError as error:
            raise JournalFailed(f"{self._folder}: {error.strerror}") from error

    async def mark_all_settled(self) -> None:
        """See `OwedJournal`. It deletes this process's file."""
        if self._file is not None:
            await asyncio.to_thread(self._close, delete=True)

    async def hand_over(self) -> None:
        """See `OwedJournal`. It releases the lock on this process's file; the next append creates another."""
        await asyncio.to_thread(self._close, delete=False)

    async def aclose(self) -> None:
        """See `OwedJournal`."""
        await self.hand_over()

    async def settle_entries(self, settle: Settle) -> int:
        """See `OwedJournal`. A file with lines that are no settlements is renamed to `*.damaged`."""
        remaining = 0
        try:
            for file in sorted(self._folder.glob(f"{self._prefix}*{SUFFIX}")):
                with _locked(file) as is_free:
                    if is_free and file != self._file:
                        remaining += await self._settle_file(file, settle)
        except OSError as error:
            raise JournalFailed(f"{self._folder}: {error.strerror}") from error
        return remaining

    async def _settle_file(self, file: Path, settle: Settle) -> int:
        lines = (await asyncio.to_thread(file.read_text, "utf-8", "replace")).splitlines()
        damaged = 0
        for number, line in enumerate(lines):
            try:
                due = parse_settlement(line)
            except ValueError:  # the process died while it wrote the line
                damaged += 1
                continue
            if not await settle(due):
                return len(lines) - number
        if damaged:
            target = file.with_suffix(DAMAGED)
            await asyncio.to_thread(file.replace, target)
            self._log.error("owed settlements unreadable", file=str(target), lines=damaged)
        else:
            await asyncio.to_thread(file.unlink, missing_ok=True)
        return 0

    def _append(self, line: bytes) -> None:
        with self._lock:
            if self._descriptor < 0:
                self._open()
            size = os.fstat(self._descriptor).st_size
            try:
                written = os.write(self._descriptor, line)
                while written < len(line):
                    written += os.write(self._descriptor, line[written:])
                os.fsync(self._descriptor)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._descriptor, size)  # no incomplete line before the next one
                raise

    def _open(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._folder / f"{self._prefix}{os.urandom(6).hex()}{SUFFIX}"
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_RDWR, 0o600)
        _try_lock(descriptor)
        self._file, self._descriptor = file, descriptor

    def _close(self, *, delete: bool) -> None:
        with self._lock:
            descriptor, file = self._descriptor, self._file
            self._descriptor, self._file = -1, None
            if file is not None:
                if delete:
                    file.unlink(missing_ok=True)
                os.close(descriptor)  # also releases the lock


@contextmanager
def _locked(file: Path) -> Iterator[bool]:
    """Lock a file for the block. Yield False if another process has the lock, or has deleted the file."""
    try:
        descriptor = os.open(file, os.O_RDWR)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _try_lock(descriptor) and os.fstat(descriptor).st_nlink > 0
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    """Lock an open file; return False if another process has the lock. Closing it releases the lock."""
    if sys.platform == "win32":  # has no fcntl; there, a settlement may be repeated, which charges nothing
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
