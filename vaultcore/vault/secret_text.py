"""Text that its repr hides, so that error trackers do not record it with local variables."""

from __future__ import annotations


class SecretText(str):
    """A password or a key: a `str` with a masked repr. Strings built from it are plain `str` objects."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "SecretText(****)"
