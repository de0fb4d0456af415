"""The values that an administrator may send, each with what it may be: money, times, names, networks.

Money comes as a number or as text, with nine decimals at most, and is never a binary fraction on its way. It
goes out as a number that is exact to the nano-dollar up to four million dollars.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from vaultcore.money import Nanos, from_usd

MOST_USD = 1_000_000
MOST_TOKENS = 10**15
MOST_RATE = 1_000_000_000
LATEST = 7_258_118_400.0  # the year 2200, in seconds since 1970
PAIRS = 16  # of metadata
MOST_MARKS = 5  # that there are alerts at

_MODEL = re.compile(r"[^\s*](?:[^*]{0,254}[^\s*])?")
_WHOLE_PROVIDER = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}/\*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NUMBER = re.compile(r"\d{1,10}(?:\.\d{1,6})?", re.ASCII)
_AMOUNT = re.compile(r"-?\d{1,20}(?:\.\d{1,40})?", re.ASCII)


def parse_number(text: str) -> Decimal:
    """A JSON number as it stands. Raises ValueError where it is past all bounds."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("the number has no end") from None


def format_time(at: float | None) -> str | None:
    """A time as it goes out: ISO 8601, UTC, always as long, so that texts sort as times do."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def thresholds_of(sent: Sequence[int] | None) -> tuple[int, ...] | None:
    """Marks as the gateway keeps them."""
    return None if sent is None else tuple(sent)


@dataclass(frozen=True, slots=True)
class TimePoint:  # no tuple: FastAPI would take it for several values
    """When a day or a moment begins, and when it ends: seconds since 1970."""

    start: float
    end: float


def _nanos(value: object) -> Nanos:
    if isinstance(value, str) and _AMOUNT.fullmatch(value):
        value = Decimal(value)
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        said = "must be an amount in US dollars: a number, or a decimal number as text"
        raise ValueError(said)  # noqa: TRY004 - what pydantic takes for a refusal
    if not 0 <= value <= MOST_USD:
        raise ValueError(f"must be from 0 to {MOST_USD:,} US dollars")
    amount = Decimal(value)
    if amount and int(amount.normalize().as_tuple().exponent) < -9:
        raise ValueError("must have at most 9 decimals")
    return from_usd(amount)


def _seconds(value: object) -> float:
    """Seconds since 1970 of an ISO 8601 time with its zone, or of such seconds."""
    match value:
        case bool():
            pass
        case int() | Decimal() if 0 <= value <= LATEST:
            return float(value)
        case str() if len(value) <= 40:
            at = _moment(value)
            if at.start == at.end and 0 <= at.start <= LATEST:
                return at.start
    raise ValueError("must be a time with its zone, like 2030-01-31T12:00:00Z, or seconds since 1970")


def _moment(value: object) -> TimePoint:
    said = "must be a date, a time with its zone like 2030-01-31T12:00:00Z, or seconds since 1970"
    text = value if isinstance(value, str) and len(value) <= 40 else ""
    if _NUMBER.fullmatch(text):
        return _bounded(TimePoint(float(text), float(text)), said)
    try:
        if _DATE.fullmatch(text):
            day = date.fromisoformat(text)
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
            return _bounded(TimePoint(midnight, midnight + 86_400), said)
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(said) from None
    if at.tzinfo is None:
        raise ValueError("must have a zone, like 2030-01-31T12:00:00Z")
    try:
        return _bounded(TimePoint(at.timestamp(), at.timestamp()), said)
    except OverflowError:  # a zone that leads out of the calendar
        raise ValueError(said) from None


def _bounded(moment: TimePoint, said: str) -> TimePoint:
    if not 0 <= moment.start <= LATEST:
        raise ValueError(said)
    return moment


def _plain(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("must be printable characters, without blanks around them")
    return text


def _allowed(name: str) -> str:
    """A model's name, `provider/model` or `provider/*`: nothing that would mean more than it says."""
    fits = _WHOLE_PROVIDER.fullmatch(name) if "*" in name else _MODEL.fullmatch(name)
    if not fits or not name.isprintable():
        raise ValueError("must be a model's name, provider/model, or provider/* in lower case")
    return name


def _network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        raise ValueError("must be an address or a network, like 203.0.113.7 or 203.0.113.0/24") from None


def _rising(marks: list[int]) -> list[int]:
    if marks != sorted(set(marks)):
        raise ValueError("must rise from one to the next")
    return marks


def _few(pairs: dict[str, str]) -> dict[str, str]:
    if len(pairs) > PAIRS:
        raise ValueError(f"must have at most {PAIRS} pairs")
    return pairs


_AMOUNT_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "number", "minimum": 0, "maximum": MOST_USD}, {"type": "string"}],
    "description": "US dollars, at most 9 decimals",
}
_TIME_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "number"}],
    "description": "ISO 8601 with its zone, or seconds since 1970",
}
_MOMENT_SCHEMA: dict[str, Any] = {
    "type": "string",
    "description": "a date (UTC), an ISO 8601 time with its zone, or seconds since 1970",
}

Money = Annotated[int, BeforeValidator(_nanos), WithJsonSchema(_AMOUNT_SCHEMA)]
Time = Annotated[float, PlainValidator(_seconds), WithJsonSchema(_TIME_SCHEMA)]
When = Annotated[TimePoint, PlainValidator(_moment), WithJsonSchema(_MOMENT_SCHEMA)]
Text = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_plain)]
Rate = Annotated[int, Field(ge=1, le=MOST_RATE)]
Tokens = Annotated[int, Field(ge=0, le=MOST_TOKENS)]
Marks = Annotated[
    list[Annotated[int, Field(ge=1, le=100)]], Field(max_length=MOST_MARKS), AfterValidator(_rising)
]
Models = Annotated[
    list[Annotated[str, Field(max_length=256), AfterValidator(_allowed)]], Field(min_length=1, max_length=256)
]
Networks = Annotated[
    list[Annotated[str, Field(max_length=64), AfterValidator(_network)]], Field(min_length=1, max_length=64)
]
Metadata = Annotated[
    dict[
        Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_plain)],
        Annotated[str, Field(max_length=256), AfterValidator(_plain)],
    ],
    AfterValidator(_few),
]
