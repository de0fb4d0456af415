"""Marks: an account stores a mark of each operation that was applied to it, so that none is applied twice.

Every operation adds the mark of its ID to the account, in the same update, on the condition that the account
does not have it. Two sets bound the size: when the recent set is full, it replaces the older one. Before
that, the older one is copied to an item of its own, so that a settlement that is repeated days later, by
another process, still finds its mark.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections import OrderedDict
from hashlib import blake2b
from typing import Literal
from zlib import crc32

from vaultcore.aws.dynamodb import DynamoDBTable, WriteAction
from vaultcore.store.dynamodb.account_item import AccountItem, milliseconds
from vaultcore.store.dynamodb.items import number, text
from vaultcore.store.dynamodb.update_expression import UpdateExpression
from vaultcore.wire import Json

Operation = Literal["reserve", "return", "settle"]
FULL = 12  # marks of the recent set, from which on it replaces the older one
CROWDED = 36  # marks from which on every operation tries that
ONE_IN = 6  # operations before that, so that few processes try at the same time
RETENTION = 15 * 86_400  # seconds that old marks are stored: longer than a queue keeps owed settlements
ARCHIVE = "A#marks#"  # prefix of the partition keys of copies, followed by the account's name
CLOCK_MARGIN = 60.0  # seconds
REMEMBERED = 1_000  # copies that this process knows of


def mark_of(operation: Operation, id: str) -> str:
    """Return the mark of an operation: 42 bits of a hash, in seven characters."""
    digest = blake2b(f"{operation} {id}".encode(), digest_size=6).digest()
    return urlsafe_b64encode(digest).decode()[:7]


def add_mark(update: UpdateExpression, item: AccountItem, mark: str, *, is_copied: bool) -> None:
    """Add a mark, on the condition that the account does not have it.

    `is_copied` states that the older set of the item has been copied. The recent set replaces it then.
    """
    value = update.value(text(mark))
    update.require_that(f"NOT contains(a, {value})")
    update.require_that(f"NOT contains(b, {value})")
    marks = update.value({"SS": [mark]})
    if is_copied:
        update.require("g", "=", item.generation)
        update.require_that("attribute_exists(a)")
        update.assign("b", "a")
        update.assign("a", marks)
        update.increase("g", 1)
    else:
        update.add_to_set("a", marks)


def is_due(item: AccountItem, mark: str) -> bool:
    """Return True if the operation with this mark should replace the older set by the recent one."""
    count = len(item.recent)
    return count >= CROWDED or (count >= FULL and crc32(mark.encode()) % ONE_IN == 0)


class MarkArchive:
    """Copies of older marks."""

    def __init__(self, table: DynamoDBTable) -> None:
        self._table = table
        self._copied: OrderedDict[tuple[str, int], None] = OrderedDict()  # account and generation

    async def copy(self, name: str, item: AccountItem, now: float) -> None:
        """Copy the older marks of an account. Repeating this changes nothing."""
        if (name, item.generation) in self._copied:
            return
        if item.older:
            fields: Json = {
                "pk": text(ARCHIVE + name),
                "sk": text(f"{milliseconds(now):014d}-{item.generation}"),
                "b": {"SS": sorted(item.older)},
                "exp": number(int(now) + RETENTION),
            }
            await self._table.write(WriteAction("Put", {"Item": fields}))
        self._copied[name, item.generation] = None
        if len(self._copied) > REMEMBERED:
            self._copied.popitem(last=False)

    async def read(self, name: str, since: float) -> frozenset[str]:
        """Return the marks of an account that were copied since a time, by the store's clock."""
        marks, request = set[str](), _archive_query(name, since - CLOCK_MARGIN)
        while True:
            items, last = await self._table.query(request)
            for item in items:
                marks.update(item["b"]["SS"])
            if last is None:
                return frozenset(marks)
            request |= {"ExclusiveStartKey": last}


def _archive_query(name: str, since: float) -> Json:
    update = UpdateExpression({})
    condition = f"pk = {update.value(text(ARCHIVE + name))}"
    condition += f" AND sk >= {update.value(text(f'{max(0, milliseconds(since)):014d}'))}"
    return {**update.condition(), "KeyConditionExpression": condition}
