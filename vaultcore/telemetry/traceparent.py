"""Who asked whom: the trace that a request belongs to. https://www.w3.org/TR/trace-context/."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_SPANS = (1 << 64) - 1  # an id of zeros is none


@dataclass(frozen=True, slots=True)
class Trace:
    """A request's place in a trace. `id` and `parent` are in hexadecimal, as they travel."""

    id: str
    span: int  # the request's own; its attempts have the numbers after it
    parent: str = ""
    sampled: bool = True  # whoever began the trace wants it recorded

    def name(self, attempt: int = 0) -> str:
        """The id of an attempt's span, counted from 1; of the request's own where there is none."""
        return f"{(self.span + attempt) % _SPANS + 1:016x}"

    def traceparent(self, attempt: int) -> str:
        """The header that makes an attempt the parent of what its provider does."""
        return f"00-{self.id}-{self.name(attempt)}-{int(self.sampled):02x}"


def told_trace(header: str | None) -> Trace:
    """The trace that a client's `traceparent` names; a new one where it names none."""
    span = secrets.randbits(64)
    found = _PARENT.fullmatch(header or "")
    if found is None or not _valid(*found.groups()):
        return Trace(secrets.token_hex(16), span)
    _, name, parent, flags, _ = found.groups()
    return Trace(name, span, parent, sampled=bool(int(flags, 16) & 1))


def _valid(version: str, id: str, parent: str, _flags: str, more: str | None) -> bool:
    known = version != "ff" and (version != "00" or more is None)
    return known and bool(int(id, 16)) and bool(int(parent, 16))
