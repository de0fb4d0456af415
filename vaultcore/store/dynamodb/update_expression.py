"""Builds the expressions of one write: what it changes, and the conditions under which DynamoDB applies it.

Syntax: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from vaultcore.aws.dynamodb import WriteAction
from vaultcore.lazy_dataclass import dataclass
from vaultcore.store.dynamodb.items import number, text
from vaultcore.wire import Json

# Attributes that an expression may name directly: they are ours and are not reserved words of DynamoDB.
_PLAIN = frozenset({"added", "body", "ends", "exp", "pk", "sk", "v", "w"})


SHORT = 2  # characters of an account's attributes; the reserved words of two letters are not among them


@dataclass(slots=True)
class UpdateExpression:
    """An update of the item with this key. Placeholders for names and values are created as needed."""

    key: Json
    _names: dict[str, str] = field(default_factory=dict)
    _values: Json = field(default_factory=dict)
    _sets: list[str] = field(default_factory=list)
    _removes: list[str] = field(default_factory=list)
    _adds: list[str] = field(default_factory=list)
    _conditions: list[str] = field(default_factory=list)

    def name(self, attribute: str) -> str:
        """Return the attribute, or a placeholder if an expression must not name it directly."""
        return attribute if attribute in _PLAIN or len(attribute) <= SHORT else self._placeholder(attribute)

    def _placeholder(self, attribute: str) -> str:
        for placeholder, name in self._names.items():
            if name == attribute:
                return placeholder
        placeholder = f"#{len(self._names)}"
        self._names[placeholder] = attribute
        return placeholder

    def map_entry(self, attribute: str, key: str) -> str:
        """Return the path of an entry of a map."""
        return f"{self.name(attribute)}.{self._placeholder(key)}"

    def value(self, value: float | str | Json) -> str:
        """Return a placeholder for a number, a text or a DynamoDB value."""
        typed = value if isinstance(value, dict) else text(value) if isinstance(value, str) else number(value)
        placeholder = f":{len(self._values)}"
        self._values[placeholder] = typed
        return placeholder

    def require(self, attribute: str, relation: str, value: float | str) -> None:
        """Add a condition on an attribute: `require("tokens_held", "<=", 900)`."""
        self._conditions.append(f"{self.name(attribute)} {relation} {self.value(value)}")

    def require_that(self, condition: str) -> None:
        """Add a condition made of paths and placeholders."""
        self._conditions.append(condition)

    def set(self, attribute: str, value: float | str | Json) -> None:
        """Set an attribute to a value."""
        self.assign(self.name(attribute), self.value(value))

    def assign(self, path: str, operand: str) -> None:
        """Set a path to an operand made of paths and placeholders."""
        self._sets.append(f"{path} = {operand}")

    def increase(self, attribute: str, amount: int) -> None:
        """Add to a number that exists; nothing for 0."""
        if amount:
            name = self.name(attribute)
            self.assign(name, f"{name} + {self.value(amount)}")

    def increase_entry(self, attribute: str, key: str, amount: int) -> None:
        """Add to an entry of a map. The map must exist, the entry need not."""
        path = self.map_entry(attribute, key)
        self.assign(path, f"if_not_exists({path}, {self.value(0)}) + {self.value(amount)}")

    def set_entry(self, attribute: str, key: str, amount: int) -> None:
        """Set an entry of a map. The map must exist, the entry need not."""
        self.assign(self.map_entry(attribute, key), self.value(amount))

    def add(self, attribute: str, amount: int) -> None:
        """Add to a number that may not exist."""
        self.add_to_set(attribute, self.value(amount))

    def add_to_set(self, attribute: str, operand: str) -> None:
        """Add to a set, or to a number, that may not exist."""
        self._adds.append(f"{self.name(attribute)} {operand}")

    def remove(self, *paths: str) -> None:
        """Remove attributes or map entries."""
        self._removes += paths

    def action(self) -> WriteAction:
        """Return the Update action with its conditions."""
        clauses = {"SET": self._sets, "REMOVE": self._removes, "ADD": self._adds}
        expression = " ".join(f"{clause} {', '.join(parts)}" for clause, parts in clauses.items() if parts)
        return WriteAction("Update", {"Key": self.key, "UpdateExpression": expression, **self.condition()})

    def condition(self) -> Json:
        """Return the conditions alone, for another kind of action."""
        fields: Json = {}
        if self._conditions:
            fields["ConditionExpression"] = join_conditions(self._conditions)
        if self._names:
            fields["ExpressionAttributeNames"] = self._names
        if self._values:
            fields["ExpressionAttributeValues"] = self._values
        return fields


def join_conditions(conditions: Iterable[str]) -> str:
    """Return the conjunction of conditions. A condition with OR needs brackets unless it is the only one."""
    return " AND ".join(conditions)
