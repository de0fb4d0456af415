"""Modules that are imported at the first use of one of their names."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class LazyModule:
    """Stands in for a module in a table. Looks at a name that is already known cost as much as at a module's.

    `isinstance` with a runtime protocol does not see names that are not imported yet: use `getattr`.
    """

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, name: str) -> Any:
        """Import the module and keep the value, so that the next look does not come here."""
        value = getattr(import_module(self.__name__), name)
        self.__dict__[name] = value
        return value
