"""A change of one item while it is being put together: what is set, and what must hold of the item."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from vaultcore.aws.dynamo import Action
from vaultcore.store.dynamodb.items import NUMBERS, number, text
from vaultcore.wire import Json

# Names that an expression may have as they are: they are ours, and no words of DynamoDB's.
_PLAIN = frozenset({"added", "body", "ends", "exp", "leases", "pk", "sk", "v", "w", *NUMBERS})
_PLAIN -= {"window", "minute"}


@dataclass(slots=True)
class UpdateExpression:
    """An update of the item with this key. Attributes are named as they are; placeholders are made."""

    key: Json
    _names: dict[str, str] = field(default_factory=dict)
    _values: Json = field(default_factory=dict)
    _sets: list[str] = field(default_factory=list)
    _removed: list[str] = field(default_factory=list)
    _added: list[str] = field(default_factory=list)
    _wanted: list[str] = field(default_factory=list)

    def name(self, attribute: str) -> str:
        """The attribute as an expression may have it."""
        if attribute in _PLAIN:
            return attribute
        for short, long in self._names.items():
            if long == attribute:
                return short
        short = f"#{len(self._names)}"
        self._names[short] = attribute
        return short

    def within(self, attribute: str, key: str) -> str:
        """The path of an entry of a map."""
        return f"{self.name(attribute)}.{self.name(key)}"

    def value(self, value: float | str | Json) -> str:
        """A placeholder for a number, a text, or a value that is typed already."""
        typed = value if isinstance(value, dict) else text(value) if isinstance(value, str) else number(value)
        short = f":{len(self._values)}"
        self._values[short] = typed
        return short

    def want(self, attribute: str, relation: str, value: float | str) -> None:
        self._wanted.append(f"{self.name(attribute)} {relation} {self.value(value)}")

    def want_that(self, condition: str) -> None:
        self._wanted.append(condition)

    def set(self, attribute: str, value: float | str | Json) -> None:
        self.assign(self.name(attribute), self.value(value))

    def assign(self, path: str, operand: str) -> None:
        self._sets.append(f"{path} = {operand}")

    def more(self, attribute: str, amount: int) -> None:
        """Add to a number that is there."""
        if amount:
            name = self.name(attribute)
            self.assign(name, f"{name} + {self.value(amount)}")

    def add(self, attribute: str, amount: int) -> None:
        """Add to a number that may not be there."""
        self._added.append(f"{self.name(attribute)} {self.value(amount)}")

    def remove(self, *paths: str) -> None:
        self._removed += paths

    def action(self) -> Action:
        clauses = {"SET": self._sets, "REMOVE": self._removed, "ADD": self._added}
        told = " ".join(f"{clause} {', '.join(parts)}" for clause, parts in clauses.items() if parts)
        return Action("Update", {"Key": self.key, "UpdateExpression": told, **self.condition()})

    def condition(self) -> Json:
        """The conditions, for an action of another kind."""
        asked: Json = {}
        if self._wanted:
            asked["ConditionExpression"] = conjoined(self._wanted)
        if self._names:
            asked["ExpressionAttributeNames"] = self._names
        if self._values:
            asked["ExpressionAttributeValues"] = self._values
        return asked


def conjoined(conditions: Iterable[str]) -> str:
    """All of them. One that is an alternative must be in brackets, unless it is alone."""
    return " AND ".join(conditions)
