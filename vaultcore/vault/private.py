"""Files that only their owner can read: written whole or not at all, and by one writer at a time."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from vaultcore.errors import VaultError


def make_directory(path: Path) -> None:
    """Make a directory that only its owner can enter; one that is there already is left as it is."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def write(path: Path, text: str) -> None:
    """Put a text in the place of whatever is there, readable by the owner only, in one step."""
    with _draft(path, text) as draft:
        draft.replace(path)
    _sync_directory(path.parent)


def write_new(path: Path, text: str) -> None:
    """The same, but FileExistsError where anything is there, a dangling link included."""
    # Claimed empty, then replaced: a hard link would do it in one step, but not on every file system.
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        write(path, text)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def read(path: Path) -> str:
    """A file's text, or VaultError where others than its owner could have read it, too."""
    with path.open(encoding="utf-8", errors="replace") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077 and sys.platform != "win32":
            raise VaultError(f"{path} can be read by others (mode {mode:04o})", hint=f"chmod 600 {path}")
        return file.read()


@contextlib.contextmanager
def sole_writer(directory: Path) -> Iterator[None]:
    """Wait until no other process is changing that directory, and keep others waiting meanwhile."""
    descriptor = os.open(directory / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)  # which also lets go of the lock


@contextlib.contextmanager
def _draft(path: Path, text: str) -> Iterator[Path]:
    """A complete copy on disk, next to where it is to go; gone afterwards."""
    draft = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    if sys.platform == "win32":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":  # has no fcntl; two commands at once are left to their user there
        return
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX)
