"""The items of documents in the DynamoDB table. `account_item` describes those of accounts.

A document has the key (`D#` + partition, `-` + ID) and these attributes:

    body   the JSON object, as text
    n_…    a field that was changed by Add, as a number: DynamoDB adds to it without a read
    added  true if there are such fields
    v      the version: the number of writes
    w      the ID of the last write
    ends   when the document expires, seconds since the epoch
    exp    the same, rounded up to whole seconds: the table's TTL attribute
"""

from __future__ import annotations

import json
from decimal import Decimal
from math import ceil
from zlib import crc32

from vaultcore.store.base import Document, DocumentKey
from vaultcore.wire import Json

ADDED_PREFIX = "n_"
SHARDED = "log/"  # prefix of the collections of records: one partition takes 1,000 write units per second
SHARDS = 16


def text(value: str) -> Json:
    """Return a text as a DynamoDB value."""
    return {"S": value}


def number(value: float) -> Json:
    """Return a number as a DynamoDB value."""
    return {"N": repr(value)}


def document_key(key: DocumentKey) -> Json:
    """Return the table key of a document."""
    return partition_key(partition_of(key), key.id)


def partition_key(partition: str, id: str) -> Json:
    """Return the table key of a document in a partition."""
    return {"pk": {"S": f"D#{partition}"}, "sk": {"S": f"-{id}"}}


def previous_document_key(key: DocumentKey) -> Json | None:
    """Return the table key under which versions before 0.3 stored a document; None if it is the same."""
    if partition_of(key) == key.collection:
        return None
    return partition_key(key.collection, key.id)


def partition_of(key: DocumentKey) -> str:
    """Return the partition of a document: its collection, with a shard for records."""
    if not key.collection.startswith(SHARDED):
        return key.collection
    return f"{key.collection}/{crc32(key.id.encode()) % SHARDS:x}"


def partitions_of(collection: str) -> list[str]:
    """Return all partitions of a collection. Versions before 0.3 used one for the records of a day."""
    if not collection.startswith(SHARDED):
        return [collection]
    return [collection, *(f"{collection}/{shard:x}" for shard in range(SHARDS))]


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
                body[field] = body.get(field, 0) + parse_int(value["N"])
    expires = float(item["ends"]["N"]) if "ends" in item else None
    return Document(key, body, parse_int(item["v"]["N"]), expires)


def parse_int(value: str) -> int:
    """Return an integer of DynamoDB, which may write a long one with an exponent."""
    try:
        return int(value)
    except ValueError:
        return int(Decimal(value))
