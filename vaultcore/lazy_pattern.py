"""Regular expressions that are compiled at their first use.

Compiling takes 0.1 to 6 ms. A pattern stands here if it takes more than 0.2 ms, and most processes need it
late: for an error's text, a provider's tools, a document.
"""

from __future__ import annotations

import re
from typing import Any, cast


class _LazyPattern:
    """Has the methods of a compiled pattern. After its first use, a method costs what it costs there."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._arguments = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(*self._arguments), name)
        self.__dict__[name] = value
        return value


def lazy_pattern(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return a pattern that is compiled, and whose errors are raised, at its first use."""
    return cast("re.Pattern[str]", _LazyPattern(pattern, flags))
