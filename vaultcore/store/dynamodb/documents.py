"""Writing documents: what DynamoDB is asked for, at first and once it has shown what is there.

A writing that depends on nothing is tried as an update of whatever is there. Where that cannot be (what is
there is over, or has sums that are to be forgotten), DynamoDB shows the item, and it is replaced as it was
seen. Every writing leaves its mark, so that one whose answer was lost is recognised when it is made again;
only the removal of a version leaves nothing, and is a Conflict then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vaultcore.aws.dynamo import Action
from vaultcore.store.base import ABSENT, Add, Conflict, Drop, Name, Put
from vaultcore.store.dynamodb.items import SUM, document_key, ending, number, over, packed, put_item, text
from vaultcore.store.dynamodb.update_expression import UpdateExpression
from vaultcore.wire import Json

Write = Put | Drop | Add


@dataclass(slots=True)
class Writing:
    """Documents to be written together, and what has been seen of them on the way."""

    writes: Sequence[Write]
    now: float
    mark: str  # of this writing alone
    _found: dict[Name, Json] = field(default_factory=dict)

    def actions(self) -> list[Action]:
        return [self._action(write, self._found.get(write.name)) for write in self.writes]

    def left(self, item: Json) -> bool:
        """Whether an item is as this writing leaves it."""
        return bool(item.get("w") == text(self.mark))

    def made(self, shown: Mapping[int, Json]) -> bool:
        """Whether these were refused because they had been made; else another way is tried, or Conflict."""
        if any(map(self.left, shown.values())):
            return True
        for index, item in sorted(shown.items()):
            write = self.writes[index]
            if not isinstance(write, Add) and write.version is not None:
                raise Conflict(write.name)
            self._found[write.name] = item
        return False

    def _action(self, write: Write, found: Json | None) -> Action:
        match write:
            case Drop():
                return Action("Delete", {"Key": document_key(write.name), **self._expected(write.version)})
            case Put(version=None):
                return self._replaced(write, found) if found else self._put(write)
            case Put(name=name, body=body, expires=expires, version=version):
                item = put_item(name, body, (version or ABSENT) + 1, expires, self.mark)
                return Action("Put", {"Item": item, **self._expected(version)})
            case Add():
                return self._begun(write, found) if found and over(found, self.now) else self._add(write)

    def _expected(self, version: int | None) -> Json:
        """The condition that a document has a version, or is not there."""
        change = UpdateExpression({})
        if version == ABSENT:
            change.want_that(f"attribute_not_exists(pk) OR ends <= {change.value(self.now)}")
        elif version is not None:
            change.want("v", "=", version)
            change.want_that(self._lasting(change))
        return change.condition()

    def _put(self, write: Put) -> Action:
        change = self._update(write)
        change.set("body", packed(write.body))
        change.want_that("attribute_not_exists(added)")
        return change.action()

    def _add(self, write: Add) -> Action:
        change = self._update(write)
        change.set("added", {"BOOL": True})
        for name, amount in write.amounts.items():
            change.add(SUM + name, amount)
        return change.action()

    def _update(self, write: Put | Add) -> UpdateExpression:
        """One more version of what is there, or the first, marked and with its end."""
        change = UpdateExpression(document_key(write.name))
        change.want_that(self._lasting(change))
        mark = change.value(self.mark)
        change.want_that(f"(attribute_not_exists(w) OR w <> {mark})")
        change.assign("w", mark)
        change.assign("v", f"if_not_exists(v, {change.value(0)}) + {change.value(1)}")
        if write.expires is None:
            change.remove("ends", "exp")
        else:
            for attribute, value in ending(write.expires).items():
                change.set(attribute, value)
        return change

    def _lasting(self, change: UpdateExpression) -> str:
        return f"(attribute_not_exists(ends) OR ends > {change.value(self.now)})"

    def _replaced(self, write: Put, found: Json) -> Action:
        version = 1 if over(found, self.now) else int(found["v"]["N"]) + 1
        item = put_item(write.name, write.body, version, write.expires, self.mark)
        return Action("Put", {"Item": item, **_as_seen(found)})

    def _begun(self, write: Add, found: Json) -> Action:
        item = {**document_key(write.name), "v": number(1), "w": text(self.mark), "added": {"BOOL": True}}
        item |= {SUM + name: number(amount) for name, amount in write.amounts.items()}
        item |= ending(write.expires) if write.expires is not None else {}
        return Action("Put", {"Item": item, **_as_seen(found)})


def _as_seen(found: Json) -> Json:
    change = UpdateExpression({})
    change.want_that(f"w = {change.value(found['w'])}")
    return change.condition()
