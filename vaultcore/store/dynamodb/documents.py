"""Documents in DynamoDB: the actions of a write, and the queries of a collection.

A write without an expected version is first tried as an update of whatever item exists. If that is not
possible, because the item has expired or has fields changed by Add that a Put replaces, DynamoDB returns the
item, and the write replaces exactly that one. Every write stores its ID in the attribute `w`. A write that is
repeated because its response was lost recognizes its own result by it. Only the deletion of a version leaves
no item: repeated, it raises Conflict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from vaultcore.aws.dynamodb import WriteAction
from vaultcore.lazy_dataclass import dataclass
from vaultcore.store.base import ABSENT, Add, Conflict, Delete, DocumentKey, Put, Write
from vaultcore.store.dynamodb.items import (
    ADDED_PREFIX,
    document_item,
    document_key,
    expiry_attributes,
    is_expired,
    number,
    partition_key,
    render_body,
    text,
)
from vaultcore.store.dynamodb.update_expression import UpdateExpression
from vaultcore.wire import Json

MIN_NEXT_PAGE = 100  # items read for each page after the first


@dataclass(slots=True)
class DocumentWrite:
    """Documents that are written together, and the items that DynamoDB has returned for them so far."""

    writes: Sequence[Write]
    now: float  # seconds since the epoch
    write_id: str  # unique to this write
    _items: dict[DocumentKey, Json] = field(default_factory=dict)

    def actions(self) -> list[WriteAction]:
        """Return the actions of the next attempt."""
        return [self._action(write, self._items.get(write.key)) for write in self.writes]

    def is_result(self, item: Json) -> bool:
        """Return True if this write has written the item."""
        return bool(item.get("w") == text(self.write_id))

    def was_applied(self, items: Mapping[int, Json]) -> bool:
        """Return True if the conditions failed because an earlier attempt was applied.

        `items` are those of the failed conditions, by the index of their write. Otherwise the next attempt
        replaces these items. Raise Conflict if a write that expects a version failed.
        """
        if any(map(self.is_result, items.values())):
            return True
        for index, item in sorted(items.items()):
            write = self.writes[index]
            if not isinstance(write, Add) and write.version is not None:
                raise Conflict(write.key)
            self._items[write.key] = item
        return False

    def _action(self, write: Write, item: Json | None) -> WriteAction:
        match write:
            case Delete():
                fields = {"Key": document_key(write.key), **self._version_condition(write.version)}
                return WriteAction("Delete", fields)
            case Put(version=None):
                return self._replace(write, item) if item else self._update_body(write)
            case Put(key=key, body=body, expires=expires, version=version):
                item = document_item(key, body, (version or ABSENT) + 1, expires, self.write_id)
                return WriteAction("Put", {"Item": item, **self._version_condition(version)})
            case Add():
                return self._restart(write, item) if item and is_expired(item, self.now) else self._add(write)

    def _version_condition(self, version: int | None) -> Json:
        """Require a version, no unexpired item for ABSENT, nothing for None."""
        update = UpdateExpression({})
        if version == ABSENT:
            update.require_that(f"attribute_not_exists(pk) OR ends <= {update.value(self.now)}")
        elif version is not None:
            update.require("v", "=", version)
            update.require_that(self._unexpired(update))
        return update.condition()

    def _update_body(self, write: Put) -> WriteAction:
        """Write the body over an item that has no added fields: those would remain and be added to it."""
        update = self._update(write)
        update.set("body", text(render_body(write.body)))
        update.require_that("attribute_not_exists(added)")
        return update.action()

    def _add(self, write: Add) -> WriteAction:
        update = self._update(write)
        update.set("added", {"BOOL": True})
        for name, amount in write.amounts.items():
            update.add(ADDED_PREFIX + name, amount)
        return update.action()

    def _update(self, write: Put | Add) -> UpdateExpression:
        """Increase the version of the item, or begin with 1, and set its write ID and expiry.

        Require that the item, if there is one, has not expired and was not written by this write before.
        """
        update = UpdateExpression(document_key(write.key))
        update.require_that(self._unexpired(update))
        write_id = update.value(self.write_id)
        update.require_that(f"(attribute_not_exists(w) OR w <> {write_id})")
        update.assign("w", write_id)
        update.assign("v", f"if_not_exists(v, {update.value(0)}) + {update.value(1)}")
        if write.expires is None:
            update.remove("ends", "exp")
        else:
            for attribute, value in expiry_attributes(write.expires).items():
                update.set(attribute, value)
        return update

    def _unexpired(self, update: UpdateExpression) -> str:
        return f"(attribute_not_exists(ends) OR ends > {update.value(self.now)})"

    def _replace(self, write: Put, item: Json) -> WriteAction:
        version = 1 if is_expired(item, self.now) else int(item["v"]["N"]) + 1
        new = document_item(write.key, write.body, version, write.expires, self.write_id)
        return WriteAction("Put", {"Item": new, **_unchanged(item)})

    def _restart(self, write: Add, item: Json) -> WriteAction:
        """Replace an expired item by the amounts alone."""
        new = {
            **document_key(write.key),
            "v": number(1),
            "w": text(self.write_id),
            "added": {"BOOL": True},
        }
        new |= {ADDED_PREFIX + name: number(amount) for name, amount in write.amounts.items()}
        new |= expiry_attributes(write.expires) if write.expires is not None else {}
        return WriteAction("Put", {"Item": new, **_unchanged(item)})


def _unchanged(item: Json) -> Json:
    """Require that an item is unchanged since DynamoDB returned it."""
    update = UpdateExpression({})
    update.require_that(f"w = {update.value(item['w'])}")
    return update.condition()


@dataclass(frozen=True, slots=True)
class QueryRange:
    """Part of a collection. Both bounds are exclusive; "" and None are no bounds."""

    collection: str
    after: str
    before: str | None
    newest_first: bool
    partition: str = ""

    @property
    def is_empty(self) -> bool:
        return self.before is not None and bool(self.after) and self.before <= self.after

    def request(self, now: float) -> Json:
        """Return the fields of a Query for items that have not expired, without its Limit."""
        first, last = (partition_key(self.partition, bound or "") for bound in (self.after, self.before))
        update = UpdateExpression({})
        condition = f"pk = {update.value(first['pk'])}"
        if self.after and self.before is not None:  # one condition per key; BETWEEN includes its bounds
            condition += f" AND sk BETWEEN {update.value(first['sk'])} AND {update.value(last['sk'])}"
        elif self.after:
            condition += f" AND sk > {update.value(first['sk'])}"
        elif self.before is not None:
            condition += f" AND sk < {update.value(last['sk'])}"
        update.require_that(f"attribute_not_exists(ends) OR ends > {update.value(now)}")
        fields = update.condition()
        fields["FilterExpression"] = fields.pop("ConditionExpression")
        return {**fields, "KeyConditionExpression": condition, "ScanIndexForward": not self.newest_first}

    def contains(self, item: Json) -> bool:
        """Return False if an item of the response is one of the bounds."""
        return item["sk"] not in [text(f"-{bound}") for bound in (self.after, self.before) if bound]
