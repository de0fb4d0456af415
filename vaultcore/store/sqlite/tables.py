"""The two tables of the SQLite store, read and written in a transaction that somebody else has begun."""

from __future__ import annotations

import json
from collections.abc import Iterable
from sqlite3 import Connection

from vaultcore.limits.account import Account
from vaultcore.store.base import ABSENT, Add, Conflict, Document, Drop, Name, Put

_FORGOTTEN = 1_000  # documents at most, so that nobody waits long for it
_READ = (
    "SELECT body, version, expires FROM documents "
    "WHERE shelf = ? AND entry = ? AND (expires IS NULL OR expires > ?)"
)
_LISTED = (
    "SELECT entry, body, version, expires FROM documents WHERE shelf = ? AND (expires IS NULL OR expires > ?)"
)
_WRITE = (
    "INSERT INTO documents (shelf, entry, body, version, expires) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (shelf, entry) DO UPDATE "
    "SET body = excluded.body, version = excluded.version, expires = excluded.expires"
)
_DROP = "DELETE FROM documents WHERE shelf = ? AND entry = ?"
_FORGET = "DELETE FROM documents WHERE rowid IN (SELECT rowid FROM documents WHERE expires <= ? LIMIT ?)"
_ACCOUNT = "SELECT state FROM accounts WHERE name = ?"
_KEEP = (
    "INSERT INTO accounts (name, state) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET state = excluded.state"
)
_render = json.JSONEncoder(separators=(",", ":")).encode  # made once: json.dumps makes one per call
_parse = json.JSONDecoder().decode


def read(connection: Connection, name: Name, now: float) -> Document | None:
    """The document that is there."""
    row = connection.execute(_READ, (name.shelf, name.entry, now)).fetchone()
    return None if row is None else Document(name, _parse(row[0]), row[1], row[2])


def listed(
    connection: Connection,
    shelf: str,
    now: float,
    *,
    after: str,
    before: str | None,
    limit: int,
    newest_first: bool,
) -> list[Document]:
    """The documents between two entries, both exclusive; "" is before the first, an empty entry included."""
    query, arguments = _LISTED, [shelf, now]
    if after:
        query, arguments = f"{query} AND entry > ?", [*arguments, after]
    if before is not None:
        query, arguments = f"{query} AND entry < ?", [*arguments, before]
    query = f"{query} ORDER BY entry {'DESC' if newest_first else 'ASC'} LIMIT ?"
    rows = connection.execute(query, [*arguments, limit])
    return [Document(Name(shelf, row[0]), _parse(row[1]), row[2], row[3]) for row in rows]


def write(connection: Connection, writes: Iterable[Put | Drop | Add], now: float) -> None:
    """All of them, each of another document. Raises Conflict, which must end the transaction."""
    for each in writes:
        found = read(connection, each.name, now)
        expected = None if isinstance(each, Add) else each.version
        if expected is not None and expected != (found.version if found else ABSENT):
            raise Conflict(each.name)
        _apply(connection, each, found)


def _apply(connection: Connection, change: Put | Drop | Add, found: Document | None) -> None:
    name = change.name
    match change:
        case Drop():
            connection.execute(_DROP, (name.shelf, name.entry))
            return
        case Put(body=body):
            pass
        case Add(amounts=amounts):
            body = dict(found.body) if found else {}
            body |= {field: body.get(field, 0) + amount for field, amount in amounts.items()}
    version = found.version + 1 if found else 1
    connection.execute(_WRITE, (name.shelf, name.entry, _render(body), version, change.expires))


def forget(connection: Connection, now: float) -> None:
    """Remove some documents that are over."""
    connection.execute(_FORGET, (now, _FORGOTTEN))


def accounts(connection: Connection, names: Iterable[str]) -> list[Account]:
    """Accounts as they are; new ones where nobody has used them."""
    rows = (connection.execute(_ACCOUNT, (name,)).fetchone() for name in names)
    return [Account() if row is None else Account.unpack(_parse(row[0])) for row in rows]


def keep(connection: Connection, states: Iterable[tuple[str, Account]]) -> None:
    """Write accounts down."""
    for name, account in states:
        connection.execute(_KEEP, (name, _render(account.pack())))
