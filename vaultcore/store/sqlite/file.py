"""The file of the SQLite store: created if it does not exist, checked before it is changed, then opened.

SQLite handles crashes: in WAL mode a process may be killed at any time. With `synchronous=NORMAL` a power
failure may undo the last transactions, each of them completely. The file must be on a local disk, because WAL
does not work on network file systems (https://www.sqlite.org/wal.html).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from vaultcore.errors import ConfigError
from vaultcore.store.sqlite.accounts import ACCOUNT_TABLES, import_previous
from vaultcore.store.sqlite.summaries import SUMMARY_TABLES, summarize_documents

SCHEMA = 3  # version, stored in `user_version`; an empty file has 0
_TABLES = (
    """CREATE TABLE documents (
        shelf TEXT NOT NULL,
        entry TEXT NOT NULL,
        body TEXT NOT NULL,  -- JSON
        version INTEGER NOT NULL,
        expires REAL,
        PRIMARY KEY (shelf, entry)
    )""",
    "CREATE INDEX documents_by_end ON documents (expires) WHERE expires IS NOT NULL",
    *ACCOUNT_TABLES,
    *SUMMARY_TABLES,
    f"PRAGMA user_version = {SCHEMA}",
)
_UNUSABLE = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN}


def open_file(path: Path, patience: float, now: float) -> sqlite3.Connection:
    """Return a connection that waits `patience` seconds for other writers.

    Raise ConfigError if the file cannot be created or is not a store. An existing file is not changed then.
    """
    _create(path)
    try:
        connection = sqlite3.connect(path, timeout=patience, isolation_level=None)
        try:
            _check(connection, path, now)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in _UNUSABLE:
            raise
        raise ConfigError(f"cannot be opened as a SQLite store: {error}", file=str(path)) from error
    return connection


def open_again(path: Path) -> sqlite3.Connection:
    """Return another connection to a file that `open_file` has opened.

    It waits for nothing: not for other writers, and not for the disk, since it makes no checkpoint. Any
    thread may close it. Raise sqlite3.Error.
    """
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
    except BaseException:
        connection.close()
        raise
    return connection


def _create(path: Path) -> None:
    """Create the file with mode 0600. SQLite would create it, its WAL and its index readable by others."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Opened only if it is new: closing a file also drops the locks that this process has on it.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise ConfigError(f"cannot be created: {error.strerror}", file=str(path)) from error


def _check(connection: sqlite3.Connection, path: Path, now: float) -> None:
    if _version(connection) == 0:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            if _version(connection) == 0:
                _create_tables(connection, path)
    if 0 < _version(connection) < SCHEMA:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            _upgrade(connection, now)
    if (version := _version(connection)) > SCHEMA:
        raise ConfigError(
            f"was written by a newer version of VaultEdge (schema {version}; this one reads {SCHEMA})",
            file=str(path),
        )


def _upgrade(connection: sqlite3.Connection, now: float) -> None:
    version = _version(connection)
    if version == 1:
        import_previous(connection, now)
    if version < SCHEMA:  # or another process has just upgraded the file
        summarize_documents(connection)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")


def _create_tables(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise ConfigError("is a SQLite database of another program", file=str(path))
    for statement in _TABLES:
        connection.execute(statement)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
