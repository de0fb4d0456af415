"""W3C trace context: the header `traceparent`. https://www.w3.org/TR/trace-context/."""

from __future__ import annotations

import re
import secrets

from vaultcore.lazy_dataclass import dataclass

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_SPANS = (1 << 64) - 1  # an id of zeros is invalid


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace of a request. `id` and `parent` are in hexadecimal, as in the header."""

    id: str
    span: int  # span id of the request; its attempts have the numbers that follow
    parent: str = ""
    sampled: bool = True  # the trace is recorded

    def span_id(self, attempt: int = 0) -> str:
        """Return the span id of an attempt, counted from 1; of the request itself for 0."""
        return f"{(self.span + attempt) % _SPANS + 1:016x}"

    def traceparent(self, attempt: int) -> str:
        """Return the header with which an attempt becomes the parent of the provider's spans."""
        return f"00-{self.id}-{self.span_id(attempt)}-{int(self.sampled):02x}"


def parse_traceparent(header: str | None) -> Trace:
    """Return the trace of a client's `traceparent`, or a new trace if the header is missing or invalid."""
    span = secrets.randbits(64)
    match = _PARENT.fullmatch(header or "")
    if match is None or not _is_valid(*match.groups()):
        return Trace(secrets.token_hex(16), span)
    _, name, parent, flags, _ = match.groups()
    return Trace(name, span, parent, sampled=bool(int(flags, 16) & 1))


def _is_valid(version: str, id: str, parent: str, _flags: str, more: str | None) -> bool:
    is_supported = version != "ff" and (version != "00" or more is None)
    return is_supported and bool(int(id, 16)) and bool(int(parent, 16))
