"""Text that its repr does not show, so that whoever records local variables records nothing."""

from __future__ import annotations


class Hidden(str):
    """A password or a key: a `str` everywhere but in a repr. What is built from it is plain again."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Hidden(****)"
