"""Typed tables beside the documents of SQLite, for lists that would otherwise read thousands of documents.

`usage_sums` has a row for each document of a usage collection, `usage_days` their sums over all keys, and
`key_names` the name and owner of each virtual key. Triggers note changed documents, also those of a process
of an older version that has the file open; `apply_changes` brings the tables up to date. A request changes no
such document. The triggers call no function: a function would cost the insert of each record 2 µs of 10.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from sqlite3 import Connection
from typing import Any

from vaultcore.store.base import DocumentKey
from vaultcore.store.document_types import KEYS, parse_usage_id, usage_collection
from vaultcore.store.key_names import KeyName
from vaultcore.store.usage_selection import USAGE_AMOUNTS, UsageRow, UsageSelection

MAX_PLAIN = (
    20_000  # rows that are returned one by one: SQLite takes three times as long to group 9,000 of them
)
NEVER = 1e99  # in place of the expiry of a document that does not expire
_USAGE = usage_collection("")
_IS_SUMMARIZED = f"{{0}}.shelf >= '{_USAGE}' AND {{0}}.shelf < '{_USAGE}~' OR {{0}}.shelf = '{KEYS}'"
_AMOUNTS = ", ".join(USAGE_AMOUNTS)
_AMOUNT_COLUMNS = ", ".join(f"{name} INTEGER NOT NULL" for name in USAGE_AMOUNTS)
SUMMARY_TABLES = (
    "CREATE TABLE changed_documents (shelf TEXT, entry TEXT)",
    f"""CREATE TABLE usage_sums (
        day TEXT NOT NULL, entry TEXT NOT NULL,
        key TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
        {_AMOUNT_COLUMNS}, expires REAL NOT NULL,
        PRIMARY KEY (day, entry)
    ) WITHOUT ROWID""",
    f"""CREATE TABLE usage_days (
        day TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
        documents INTEGER NOT NULL,
        {_AMOUNT_COLUMNS}, expires REAL NOT NULL,  -- no document expires earlier
        PRIMARY KEY (day, provider, model)
    ) WITHOUT ROWID""",
    """CREATE TABLE key_names (
        id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, owner TEXT NOT NULL, revoked REAL, expires REAL
    ) WITHOUT ROWID""",
    *(
        f"CREATE TRIGGER note_{event.lower()} AFTER {event} ON documents WHEN {_IS_SUMMARIZED.format(row)} "  # noqa: S608
        f"BEGIN INSERT INTO changed_documents VALUES ({row}.shelf, {row}.entry); END"
        for event, row in (("INSERT", "new"), ("UPDATE", "new"), ("DELETE", "old"))
    ),
)
# The names of columns are those above.
_INSERT_SUM = (
    f"INSERT INTO usage_sums (day, entry, key, provider, model, {_AMOUNTS}, expires) "  # noqa: S608
    f"VALUES (?, ?, ?, ?, ?{', ?' * len(USAGE_AMOUNTS)}, ?)"
)
_ADD_TO_DAY = (
    f"INSERT INTO usage_days (day, provider, model, documents, {_AMOUNTS}, expires) "  # noqa: S608
    f"VALUES (?, ?, ?, ?{', ?' * len(USAGE_AMOUNTS)}, ?) ON CONFLICT (day, provider, model) DO UPDATE SET "
    f"{', '.join(f'{name} = {name} + excluded.{name}' for name in ('documents', *USAGE_AMOUNTS))}, "
    "expires = min(expires, excluded.expires)"
)


def summarize_documents(connection: Connection) -> None:
    """Create the tables and fill them from the documents. The caller's transaction contains all of it."""
    for statement in SUMMARY_TABLES:
        connection.execute(statement)
    usage = "SELECT shelf, entry, body, expires FROM documents WHERE shelf >= ? AND shelf < ?"
    rows = (
        _sum_row(shelf.removeprefix(_USAGE), entry, body, expires)
        for shelf, entry, body, expires in connection.execute(usage, (_USAGE, f"{_USAGE}~"))
    )
    connection.executemany(_INSERT_SUM, rows)
    sums = ", ".join(f"sum({name})" for name in USAGE_AMOUNTS)
    connection.execute(
        f"INSERT INTO usage_days SELECT day, provider, model, count(*), {sums}, min(expires) "  # noqa: S608
        "FROM usage_sums GROUP BY day, provider, model"
    )
    connection.execute(
        "INSERT INTO changed_documents SELECT shelf, entry FROM documents WHERE shelf = ?", (KEYS,)
    )
    apply_changes(connection)


def concerns_summaries(keys: Iterable[DocumentKey]) -> bool:
    """Return True if one of these documents is summarized."""
    return any(key.collection == KEYS or key.collection.startswith(_USAGE) for key in keys)


def has_changes(connection: Connection) -> bool:
    """Return True if the tables are not up to date: another version of the gateway has written."""
    return connection.execute("SELECT 1 FROM changed_documents LIMIT 1").fetchone() is not None


def apply_changes(connection: Connection) -> None:
    """Bring the tables up to date with the changed documents, in the caller's transaction."""
    changes = connection.execute("SELECT DISTINCT shelf, entry FROM changed_documents").fetchall()
    if not changes:
        return
    connection.execute("DELETE FROM changed_documents")
    for shelf, entry in changes:
        query = "SELECT body, expires FROM documents WHERE shelf = ? AND entry = ?"
        row = connection.execute(query, (shelf, entry)).fetchone()
        if shelf == KEYS:
            _replace_key(connection, entry, row)
        else:
            _replace_sum(connection, shelf.removeprefix(_USAGE), entry, row)


def read_usage(connection: Connection, selection: UsageSelection, now: float) -> list[UsageRow]:
    """Return the sums of a selection. Several rows may be of the same group."""
    table = "usage_sums"
    if not selection.concerns_keys and not _has_expired(connection, selection, now):
        table = "usage_days"
    condition, values = "WHERE day BETWEEN ? AND ? AND expires > ?", [selection.first, selection.last, now]
    for name, accepted in selection.where:
        condition += f" AND {name} IN (SELECT value FROM json_each(?))"  # noqa: S608
        values.append(json.dumps(sorted(accepted)))
    names, columns = ", ".join(selection.by), _AMOUNTS
    count = f"SELECT count(*) FROM (SELECT 1 FROM {table} {condition} LIMIT {MAX_PLAIN + 1})"  # noqa: S608
    if connection.execute(count, values).fetchone()[0] > MAX_PLAIN:
        columns = ", ".join(f"sum({name})" for name in USAGE_AMOUNTS)
        condition = f"{condition} GROUP BY {names}"
    return connection.execute(f"SELECT {names}, {columns} FROM {table} {condition}", values).fetchall()  # noqa: S608


def read_key_names(connection: Connection, limit: int) -> Sequence[KeyName]:
    """Return the names of the first keys by ID."""
    query = "SELECT id, name, owner, revoked, expires FROM key_names ORDER BY id LIMIT ?"
    return connection.execute(query, (limit,)).fetchall()


def _has_expired(connection: Connection, selection: UsageSelection, now: float) -> bool:
    """Return True if the sums over all keys may include an expired document that is not deleted yet."""
    query = "SELECT 1 FROM usage_days WHERE day BETWEEN ? AND ? AND expires <= ? LIMIT 1"
    return connection.execute(query, (selection.first, selection.last, now)).fetchone() is not None


def _replace_key(connection: Connection, id: str, row: tuple[str, float | None] | None) -> None:
    connection.execute("DELETE FROM key_names WHERE id = ?", (id,))
    signed: Any = json.loads(row[0]).get("signed") if row is not None else None
    if isinstance(signed, dict):
        values = (signed.get("name") or "", signed.get("owner") or "", signed.get("revoked"))
        insert = "INSERT INTO key_names VALUES (?, ?, ?, ?, ?)"
        connection.execute(insert, (id, *values, signed.get("expires")))


def _replace_sum(connection: Connection, day: str, entry: str, row: tuple[str, float | None] | None) -> None:
    """Replace the row of a usage document; change the sums over all keys by the difference."""
    query = f"SELECT provider, model, {_AMOUNTS}, expires FROM usage_sums WHERE day = ? AND entry = ?"  # noqa: S608
    before = connection.execute(query, (day, entry)).fetchone()
    if before is not None:
        connection.execute("DELETE FROM usage_sums WHERE day = ? AND entry = ?", (day, entry))
        provider, model, *amounts, _ = before
        connection.execute(_ADD_TO_DAY, (day, provider, model, -1, *(-each for each in amounts), NEVER))
    if row is not None:
        values = _sum_row(day, entry, *row)
        connection.execute(_INSERT_SUM, values)
        _, _, _, provider, model, *amounts = values
        connection.execute(_ADD_TO_DAY, (day, provider, model, 1, *amounts))
    elif before is not None:
        connection.execute("DELETE FROM usage_days WHERE day = ? AND documents = 0", (day,))


def _sum_row(day: str, entry: str, body: str, expires: float | None) -> tuple[str | int | float, ...]:
    """Return the values of `_INSERT_SUM`."""
    amounts = json.loads(body)
    sums = [amounts.get(name, 0) for name in USAGE_AMOUNTS]
    return (day, entry, *parse_usage_id(entry), *sums, NEVER if expires is None else expires)
