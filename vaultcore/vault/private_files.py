"""Files that only their owner can read: replaced atomically, by one writer at a time."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from vaultcore.errors import VaultError


def make_directory(path: Path) -> None:
    """Create a directory that only its owner can enter. An existing directory is not changed."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def write(path: Path, text: str) -> None:
    """Replace a file atomically; the new file is readable by its owner only."""
    with _draft(path, text) as draft:
        draft.replace(path)
    _sync_directory(path.parent)


def write_new(path: Path, text: str) -> None:
    """Create a file; raise FileExistsError if the path exists, even as a dangling link.

    A crash leaves the whole file or none, except on file systems without hard links.
    """
    with _draft(path, text) as draft:
        try:
            os.link(draft, path)
        except FileExistsError:
            raise
        except OSError:  # the file system has no hard links
            _claim_and_replace(path, draft)
    _sync_directory(path.parent)


def _claim_and_replace(path: Path, draft: Path) -> None:
    """Create a file in two steps: a crash between them leaves it empty."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        draft.replace(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def read(path: Path) -> str:
    """Return a file's text; raise VaultError if other users may read the file."""
    with path.open(encoding="utf-8", errors="replace") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077 and sys.platform != "win32":
            raise VaultError(f"other users can read {path} (mode {mode:04o})", hint=f"run chmod 600 {path}")
        return file.read()


@contextlib.contextmanager
def sole_writer(directory: Path) -> Iterator[None]:
    """Hold the lock of a directory, so that one process at a time changes its files."""
    descriptor = os.open(directory / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)  # also releases the lock


@contextlib.contextmanager
def _draft(path: Path, text: str) -> Iterator[Path]:
    """Yield a temporary file with the text, flushed to disk, in the same directory; remove it afterwards."""
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
    if sys.platform == "win32":  # has no fcntl; there, concurrent commands are not prevented
        return
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX)
