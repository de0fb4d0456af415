"""The types of the admin API's fields and parameters, with validation: money, times, names, networks.

Money is a JSON number or a decimal string with at most 9 decimals; it never becomes a binary fraction.
Responses contain money as a number, exact to the nano-dollar up to four million dollars.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from vaultcore.lazy_dataclass import dataclass
from vaultcore.money import Nanos, from_usd

MAX_USD = 1_000_000  # US dollars
MAX_TOKENS = 10**15  # tokens
MAX_RATE = 1_000_000_000  # requests or tokens per minute
MAX_TIME = 7_258_118_400.0  # the year 2200, in seconds since 1970
MAX_TIME_LENGTH = 40  # characters
MAX_METADATA_PAIRS = 16
MAX_THRESHOLDS = 5

_MODEL = re.compile(r"[^\s*](?:[^*]{0,254}[^\s*])?")
_WHOLE_PROVIDER = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}/\*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NUMBER = re.compile(r"\d{1,10}(?:\.\d{1,6})?", re.ASCII)
_AMOUNT = re.compile(r"-?\d{1,20}(?:\.\d{1,40})?", re.ASCII)


def parse_number(text: str) -> Decimal:
    """Return a JSON number as an exact decimal. Raises ValueError if its exponent is out of range."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("the number is out of range") from None


def format_time(at: float | None) -> str | None:
    """Return a time as ISO 8601 in UTC with milliseconds. All such texts have one length and sort by time.

    >>> format_time(0.5)
    '1970-01-01T00:00:00.500Z'
    """
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_thresholds(percents: Sequence[int] | None) -> tuple[int, ...] | None:
    """Return the percentages of `alert_marks` as thresholds of the limits package."""
    return None if percents is None else tuple(percents)


@dataclass(frozen=True, slots=True)
class TimePoint:  # not a tuple: FastAPI would read a tuple as several values
    """The start and the end of a day, or a moment as both. In seconds since 1970."""

    start: float
    end: float


def _parse_usd(value: object) -> Nanos:
    if isinstance(value, str) and _AMOUNT.fullmatch(value):
        value = Decimal(value)
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        problem = "must be an amount in US dollars: a number, or a decimal number as a string"
        raise ValueError(problem)  # noqa: TRY004 - pydantic reports only ValueError as invalid input
    if not 0 <= value <= MAX_USD:
        raise ValueError(f"must be from 0 to {MAX_USD:,} US dollars")
    amount = Decimal(value)
    if amount and int(amount.normalize().as_tuple().exponent) < -9:
        raise ValueError("must have at most 9 decimals")
    return from_usd(amount)


def _parse_time(value: object) -> float:
    """Return seconds since 1970 from an ISO 8601 time with a UTC offset, or from such seconds."""
    match value:
        case bool():
            pass
        case int() | Decimal() if 0 <= value <= MAX_TIME:
            return float(value)
        case str() if len(value) <= MAX_TIME_LENGTH:
            at = _parse_time_point(value)
            if at.start == at.end and 0 <= at.start <= MAX_TIME:
                return at.start
    raise ValueError("must be a time with a UTC offset, like 2030-01-31T12:00:00Z, or seconds since 1970")


def _parse_time_point(value: object) -> TimePoint:
    """Return a date's whole day in UTC, or a moment. Raises ValueError for anything else."""
    problem = "must be a date, a time with a UTC offset like 2030-01-31T12:00:00Z, or seconds since 1970"
    text = value if isinstance(value, str) and len(value) <= MAX_TIME_LENGTH else ""
    if _NUMBER.fullmatch(text):
        return _check_time(TimePoint(float(text), float(text)), problem)
    try:
        if _DATE.fullmatch(text):
            day = date.fromisoformat(text)
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
            return _check_time(TimePoint(midnight, midnight + 86_400), problem)
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(problem) from None
    if at.tzinfo is None:
        raise ValueError("must have a UTC offset, like 2030-01-31T12:00:00Z")
    try:
        return _check_time(TimePoint(at.timestamp(), at.timestamp()), problem)
    except OverflowError:  # the offset moves the time out of the calendar's years
        raise ValueError(problem) from None


def _check_time(point: TimePoint, problem: str) -> TimePoint:
    if not 0 <= point.start <= MAX_TIME:
        raise ValueError(problem)
    return point


def _check_text(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("must contain only printable characters, without leading or trailing spaces")
    return text


def _check_model(name: str) -> str:
    """Return `model`, `provider/model` or `provider/*`. Raises ValueError for any other use of `*`."""
    match = _WHOLE_PROVIDER.fullmatch(name) if "*" in name else _MODEL.fullmatch(name)
    if not match or not name.isprintable():
        raise ValueError("must be a model's name, provider/model, or provider/* in lower case")
    return name


def _parse_network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        raise ValueError("must be an IP address or a network, like 203.0.113.7 or 203.0.113.0/24") from None


def _check_ascending(percents: list[int]) -> list[int]:
    if percents != sorted(set(percents)):
        raise ValueError("must be in ascending order, without duplicates")
    return percents


def _check_pair_count(pairs: dict[str, str]) -> dict[str, str]:
    if len(pairs) > MAX_METADATA_PAIRS:
        raise ValueError(f"must have at most {MAX_METADATA_PAIRS} pairs")
    return pairs


_MONEY_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "number", "minimum": 0, "maximum": MAX_USD}, {"type": "string"}],
    "description": "US dollars, at most 9 decimals",
}
_TIME_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "number"}],
    "description": "ISO 8601 with a UTC offset, or seconds since 1970",
}
_DATE_OR_TIME_SCHEMA: dict[str, Any] = {
    "type": "string",
    "description": "a date (UTC), an ISO 8601 time with a UTC offset, or seconds since 1970",
}

Money = Annotated[int, BeforeValidator(_parse_usd), WithJsonSchema(_MONEY_SCHEMA)]
Time = Annotated[float, PlainValidator(_parse_time), WithJsonSchema(_TIME_SCHEMA)]
DateOrTime = Annotated[TimePoint, PlainValidator(_parse_time_point), WithJsonSchema(_DATE_OR_TIME_SCHEMA)]
Text = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_check_text)]
Rate = Annotated[int, Field(ge=1, le=MAX_RATE)]
Tokens = Annotated[int, Field(ge=0, le=MAX_TOKENS)]
Thresholds = Annotated[
    list[Annotated[int, Field(ge=1, le=100)]],
    Field(max_length=MAX_THRESHOLDS),
    AfterValidator(_check_ascending),
]
Models = Annotated[
    list[Annotated[str, Field(max_length=256), AfterValidator(_check_model)]],
    Field(min_length=1, max_length=256),
]
Networks = Annotated[
    list[Annotated[str, Field(max_length=64), AfterValidator(_parse_network)]],
    Field(min_length=1, max_length=64),
]
Metadata = Annotated[
    dict[
        Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_check_text)],
        Annotated[str, Field(max_length=256), AfterValidator(_check_text)],
    ],
    AfterValidator(_check_pair_count),
]
