"""Modules that are imported, and regular expressions that are compiled, at their first use.

A module of the gateway takes 0.3 ms or more of each start, an expression 0.1 to 6 ms. Those that stand here
are for few requests: another client's API, an error's text, a provider's tools.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any, cast


class LazyModule:
    """Stands in for a module. A name that was used once costs as much as with the module itself.

    `isinstance` with a runtime protocol does not see names that were not used yet: use `getattr`.
    """

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, name: str) -> Any:
        """Import the module and keep the value, so that the next use does not come here."""
        value = getattr(import_module(self.__name__), name)
        self.__dict__[name] = value
        return value


class _LazyPattern:
    """Has the methods of a compiled pattern, and keeps those that were used."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._arguments = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(*self._arguments), name)
        self.__dict__[name] = value
        return value


def lazy_pattern(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return a pattern that is compiled, and whose errors are raised, at its first use."""
    return cast("re.Pattern[str]", _LazyPattern(pattern, flags))
