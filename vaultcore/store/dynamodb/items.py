"""The items of the DynamoDB table: how documents and accounts are stored in them.

A document has the key (`D#` + collection, `-` + ID) and these attributes:

    body   the JSON object, as text
    n_…    a field that was changed by Add, as a number: DynamoDB adds to it without a read
    added  true if there are such fields
    v      the version: the number of writes
    w      the ID of the last write
    ends   when the document expires, seconds since the epoch
    exp    the same, rounded up to whole seconds: the table's TTL attribute

An account has the key (`A#` + name, `-`), one number or text for each field, and its leases in a map.
"""

from __future__ import annotations

import json
from dataclasses import fields
from decimal import Decimal
from math import ceil

from vaultcore.limits.account import Account, Lease
from vaultcore.store.base import Document, DocumentKey
from vaultcore.wire import Json

ADDED_PREFIX = "n_"
_FIELDS = tuple((each.name, each.type) for each in fields(Account) if each.name != "leases")
NUMBERS = tuple(name for name, kind in _FIELDS if kind == "int")  # numeric fields of an account
_TEXTS = tuple(name for name, kind in _FIELDS if kind == "str")


def text(value: str) -> Json:
    """Return a text as a DynamoDB value."""
    return {"S": value}


def number(value: float) -> Json:
    """Return a number as a DynamoDB value."""
    return {"N": repr(value)}


def document_key(key: DocumentKey) -> Json:
    """Return the table key of a document."""
    return {"pk": {"S": f"D#{key.collection}"}, "sk": {"S": f"-{key.id}"}}


def account_key(name: str) -> Json:
    """Return the table key of an account."""
    return {"pk": {"S": f"A#{name}"}, "sk": {"S": "-"}}


def id_of(item: Json) -> str:
    """Return the ID of a document's item."""
    return str(item["sk"]["S"])[1:]


def is_expired(item: Json, now: float) -> bool:
    """Return True if an item has expired. DynamoDB deletes it later; until then it counts as absent."""
    return "ends" in item and float(item["ends"]["N"]) <= now


def document_item(key: DocumentKey, body: Json, version: int, expires: float | None, write_id: str) -> Json:
    """Return the complete item of a document written by Put."""
    item = {**document_key(key), "body": text(render_body(body)), "v": number(version), "w": text(write_id)}
    return item | expiry_attributes(expires) if expires is not None else item


def expiry_attributes(expires: float) -> Json:
    """Return the attributes of a document that expires."""
    return {"ends": number(expires), "exp": number(ceil(expires))}


def render_body(body: Json) -> str:
    """Return a document's body as JSON."""
    return json.dumps(body, separators=(",", ":"))


def parse_document(key: DocumentKey, item: Json, now: float) -> Document | None:
    """Return the document of an item; None if the item is empty or has expired."""
    if not item or is_expired(item, now):
        return None
    body: Json = json.loads(item["body"]["S"]) if "body" in item else {}
    if "added" in item:
        for attribute, value in item.items():
            if attribute.startswith(ADDED_PREFIX):
                field = attribute[len(ADDED_PREFIX) :]
                body[field] = body.get(field, 0) + _parse_int(value["N"])
    expires = float(item["ends"]["N"]) if "ends" in item else None
    return Document(key, body, _parse_int(item["v"]["N"]), expires)


def account_item(name: str, account: Account) -> Json:
    """Return the complete item of an account."""
    item = account_key(name)
    for field in NUMBERS:
        item[field] = {"N": str(getattr(account, field))}
    for field in _TEXTS:
        item[field] = {"S": getattr(account, field)}
    item["leases"] = {"M": {name: {"S": render_lease(lease)} for name, lease in account.leases.items()}}
    return item


def parse_account(item: Json) -> Account:
    """Return the account of an item; a new one if the item is empty."""
    if not item:
        return Account()
    numbers: Json = {field: _parse_int(item[field]["N"]) for field in NUMBERS if field in item}
    texts = {field: item[field]["S"] for field in _TEXTS if field in item}
    leases = {name: _parse_lease(value["S"]) for name, value in item["leases"]["M"].items()}
    return Account(**{**numbers, **texts, "leases": leases})


def render_lease(lease: Lease) -> str:
    """Return a lease as text, kept short: each request in flight adds one to its accounts' items."""
    return f"{float(lease.at)!r} {float(lease.until)!r} {lease.tokens} {lease.minute} {lease.nanos}"


def _parse_lease(value: str) -> Lease:
    at, until, tokens, minute, nanos = value.split()
    return Lease(float(at), float(until), int(tokens), int(minute), int(nanos))


def _parse_int(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        return int(Decimal(value))  # DynamoDB may return a long number with an exponent
