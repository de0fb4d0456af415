"""The file of the SQLite store: made if need be, looked at before it is touched, and opened.

What becomes of it in a crash is SQLite's doing: in WAL mode a process may be killed at any time. With
`synchronous=NORMAL` a power failure can take the last moments back, all of a transaction or none of it.
The file has to lie on a disk of this machine: WAL does not work over a network.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from vaultcore.errors import ConfigError

SCHEMA = 1  # kept in `user_version`; 0 is an empty file
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
    "CREATE TABLE accounts (name TEXT NOT NULL PRIMARY KEY, state TEXT NOT NULL)",
    f"PRAGMA user_version = {SCHEMA}",
)
_NOT_OURS = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN}


def opened(path: Path, patience: float) -> sqlite3.Connection:
    """A connection that waits so many seconds for other writers.

    Raises ConfigError where the file cannot be made or is not one of ours, and is not changed then.
    """
    _made(path)
    try:
        connection = sqlite3.connect(path, timeout=patience, isolation_level=None)
        try:
            _checked(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in _NOT_OURS:
            raise
        raise ConfigError(f"cannot be opened as a store: {error}", file=str(path)) from error
    return connection


def _made(path: Path) -> None:
    """See to it that there is a file, which SQLite would make readable for others, and so all its kin."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Only ever opened where it is new: to close a file also ends the locks this process has on it.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise ConfigError(f"cannot be made: {error.strerror}", file=str(path)) from error


def _checked(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection) == 0:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            if _version(connection) == 0:
                _fill(connection, path)
    if (version := _version(connection)) > SCHEMA:
        raise ConfigError(
            f"was written by a newer version (schema {version}, known here: {SCHEMA})", file=str(path)
        )


def _fill(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise ConfigError("is a database of something else", file=str(path))
    for statement in _TABLES:
        connection.execute(statement)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
