"""Statements on the documents of the SQLite store. The caller begins and ends the transaction.

The columns `shelf` and `entry` hold the collection and the ID of a document.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from sqlite3 import Connection

from vaultcore.json_codec import dumps_text
from vaultcore.store.base import ABSENT, Add, Conflict, Delete, Document, DocumentKey, Put, Write
from vaultcore.store.scan import Scan

_MAX_DELETED = 1_000  # documents per clean-up, so that other writers do not wait long
_SELECT = (
    "SELECT body, version, expires FROM documents "
    "WHERE shelf = ? AND entry = ? AND (expires IS NULL OR expires > ?)"
)
_SELECT_RANGE = (
    "SELECT entry, body, version, expires FROM documents WHERE shelf = ? AND (expires IS NULL OR expires > ?)"
)
_SCAN = (
    "SELECT shelf, entry, body, version, expires FROM documents "
    "WHERE shelf = ? AND (expires IS NULL OR expires > ?)"
)
_UPSERT = (
    "INSERT INTO documents (shelf, entry, body, version, expires) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (shelf, entry) DO UPDATE "
    "SET body = excluded.body, version = excluded.version, expires = excluded.expires"
)
_DELETE = "DELETE FROM documents WHERE shelf = ? AND entry = ?"
_DELETE_EXPIRED = (
    "DELETE FROM documents WHERE rowid IN (SELECT rowid FROM documents WHERE expires <= ? LIMIT ?)"
)
_INSERT = "INSERT OR IGNORE INTO documents (shelf, entry, body, version, expires) VALUES (?, ?, ?, 1, ?)"
_render_ascii = json.JSONEncoder(separators=(",", ":")).encode  # json.dumps would create one per call
_parse = json.JSONDecoder().decode


def _render(body: object) -> str:
    """Return JSON in ASCII: SQLite refuses lone surrogates, which only an escape can express."""
    text = dumps_text(body)
    return text if text.isascii() else _render_ascii(body)


def read(connection: Connection, key: DocumentKey, now: float) -> Document | None:
    """Return a document, or None if it does not exist or has expired."""
    row = connection.execute(_SELECT, (key.collection, key.id, now)).fetchone()
    return None if row is None else Document(key, _parse(row[0]), row[1], row[2])


def read_range(
    connection: Connection,
    collection: str,
    now: float,
    *,
    after: str,
    before: str | None,
    limit: int,
    newest_first: bool,
) -> list[Document]:
    """Return documents between two IDs, both exclusive. An `after` of "" includes an ID of ""."""
    query, arguments = _SELECT_RANGE, [collection, now]
    if after:
        query, arguments = f"{query} AND entry > ?", [*arguments, after]
    if before is not None:
        query, arguments = f"{query} AND entry < ?", [*arguments, before]
    query = f"{query} ORDER BY entry {'DESC' if newest_first else 'ASC'} LIMIT ?"
    rows = connection.execute(query, [*arguments, limit])
    return [Document(DocumentKey(collection, row[0]), _parse(row[1]), row[2], row[3]) for row in rows]


def scan_newest(
    connection: Connection,
    collections: Sequence[str],
    may_match: Callable[[str], bool],
    now: float,
    *,
    after: str,
    before: str,
    limit: int,
) -> Scan:
    """Return the newest documents between two IDs, both exclusive, whose text may match."""
    query = " UNION ALL ".join([f"{_SCAN} AND entry > ? AND entry < ?"] * len(collections))
    bounds = [value for name in collections for value in (name, now, after, before)]
    rows = connection.execute(f"{query} ORDER BY entry DESC LIMIT ?", [*bounds, limit]).fetchall()
    documents = [
        Document(DocumentKey(row[0], row[1]), _parse(row[2]), row[3], row[4])
        for row in rows
        if may_match(row[2])
    ]
    return Scan(documents, len(rows), rows[-1][1] if rows else before)


def write(connection: Connection, writes: Iterable[Write], now: float) -> None:
    """Apply all writes, each to another document, or raise Conflict before the first."""
    existing = [(each, read(connection, each.key, now)) for each in writes]
    for each, document in existing:
        expected = None if isinstance(each, Add) else each.version
        if expected is not None and expected != (document.version if document else ABSENT):
            raise Conflict(each.key)
    for each, document in existing:
        _apply(connection, each, document)


def insert(connection: Connection, document: Put, now: float) -> bool:
    """Write a document that must not exist. Return False if it does."""
    key = document.key
    row = (key.collection, key.id, _render(document.body), document.expires)
    if connection.execute(_INSERT, row).rowcount:
        return True
    if read(connection, key, now) is not None:
        return False
    connection.execute(_UPSERT, (key.collection, key.id, row[2], 1, document.expires))  # over an expired one
    return True


def _apply(connection: Connection, change: Write, existing: Document | None) -> None:
    key = change.key
    match change:
        case Delete():
            connection.execute(_DELETE, (key.collection, key.id))
            return
        case Put(body=body):
            pass
        case Add(amounts=amounts):
            body = dict(existing.body) if existing else {}
            body |= {field: body.get(field, 0) + amount for field, amount in amounts.items()}
    version = existing.version + 1 if existing else 1
    connection.execute(_UPSERT, (key.collection, key.id, _render(body), version, change.expires))


def delete_expired(connection: Connection, now: float) -> None:
    """Delete up to `_MAX_DELETED` expired documents."""
    connection.execute(_DELETE_EXPIRED, (now, _MAX_DELETED))
