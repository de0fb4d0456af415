"""Reads the objects of a request in either spelling: Google accepts `inlineData` and `inline_data`.

https://protobuf.dev/programming-guides/json/. Objects of the user's own, such as arguments and JSON schemas,
are not read with this module: their names are what they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

_WORD = re.compile(r"_([a-z0-9])")


@dataclass(frozen=True, slots=True)
class Fields:
    """An object of the request and its path. Names are camelCase; null is absent."""

    value: Json
    path: str = ""

    @classmethod
    def of(cls, value: object, path: str = "") -> Fields:
        """Return the fields of a value; none if it is not an object."""
        return cls(value if isinstance(value, dict) else {}, path)

    def get(self, name: str) -> object:
        """Return a field's value, or None."""
        value: object = self.value.get(name)
        if value is None:
            for key, other in self.value.items():  # no generator: a request looks for 1,000 absent fields
                if key == name or ("_" in key and camel_case(key) == name):
                    return other
        return value

    def inner(self, name: str) -> Fields:
        """Return the fields of an inner object; none if there is no such object."""
        return Fields.of(self.get(name), self.at(name))

    def elements(self, name: str) -> list[tuple[str, object]]:
        """Return the items of a list, each with its path; none if there is no such field.

        Google also accepts a single item without its list: `"contents": {"parts": {"text": "Hi"}}`.
        """
        items, path = self.get(name), self.at(name)
        if isinstance(items, list):
            return [(f"{path}[{i}]", item) for i, item in enumerate(items)]
        return [] if items is None else [(path, items)]

    def text(self, name: str) -> str:
        """Return a string field, or ""."""
        value = self.get(name)
        return value if isinstance(value, str) else ""

    def pairs(self) -> Iterator[tuple[str, object]]:
        """Yield the names and values of the fields that are not null."""
        for key, value in self.value.items():
            if value is not None:
                yield camel_case(key), value

    def names(self) -> Iterator[str]:
        """Yield the names of the fields that are not null."""
        return (name for name, _ in self.pairs())

    def at(self, name: str) -> str:
        """Return the path of a field, in the client's own spelling."""
        spelling = name
        for key in self.value:
            if key == name or ("_" in key and camel_case(key) == name):
                spelling = key
                break
        return f"{self.path}.{spelling}" if self.path else spelling

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None


@lru_cache(1_024)
def camel_case(name: str) -> str:
    """Return a field's name in camelCase.

    >>> camel_case("inline_data")
    'inlineData'
    """
    return _WORD.sub(lambda match: match[1].upper(), name) if "_" in name else name
