"""Parses the lines of an exported ledger: only in canonical JSON, with the fields and types of the format."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from vaultcore.ledger.chain import Seal, canonical_json, row_key
from vaultcore.ledger.export import LedgerHeader
from vaultcore.ledger.price_check import is_price_detail
from vaultcore.store import document_types
from vaultcore.usage.record import AttemptRecord, Record

MAX_LINE = 16 << 20  # bytes
_Parsed = TypeVar("_Parsed", Seal, LedgerHeader, Record, AttemptRecord)


class InvalidLedger(Exception):
    """A line or the file is invalid. `subject` names the part, `reason` says why."""

    def __init__(self, subject: str, reason: str) -> None:
        super().__init__(f"{subject}: {reason}")
        self.subject, self.reason = subject, reason


def parse_line(line: bytes) -> dict[str, Any]:
    """Return the object of a line, which must be canonical JSON: no byte can differ. Raise InvalidLedger."""
    if not line.endswith(b"\n"):
        raise InvalidLedger("the file", "ends in the middle of a line")
    if len(line) > MAX_LINE:
        raise InvalidLedger("the line", f"is longer than {MAX_LINE:,} bytes")
    try:
        value = json.loads(line.decode("ascii"))
        if isinstance(value, dict) and canonical_json(value).encode() + b"\n" == line:
            return value
    except (ValueError, RecursionError):
        pass  # reported below
    raise InvalidLedger("the line", "is not a JSON object in canonical form")


def parse_header(value: Mapping[str, Any]) -> LedgerHeader:
    """Return the header. Raise InvalidLedger."""
    return _parse_exactly(LedgerHeader, value, "the header")


def parse_seal(value: Mapping[str, Any]) -> Seal:
    """Return a seal. Raise InvalidLedger."""
    return _parse_exactly(Seal, value, "a line that is neither a row nor a seal")


def parse_record(value: Mapping[str, Any], id: str) -> tuple[str, Record]:
    """Return a row's key and record. Fields of later versions are ignored. Raise InvalidLedger."""
    values = _parse_fields(Record, value, id)
    attempts = [_parse_fields(AttemptRecord, each, id) for each in values.get("attempts", ())]
    if not is_price_detail(values.get("price", {})):
        raise InvalidLedger(id, "is not a record: its price is malformed")
    record = Record(**{**values, "attempts": [AttemptRecord(**each) for each in attempts]})
    try:
        key = document_types.record_key(record.ended, record.id)
    except (ValueError, OverflowError, OSError):
        raise InvalidLedger(id, "is not a record: its end is not a valid time") from None
    day = key.collection.removeprefix(document_types.records_collection(""))
    return row_key(day, key.id), record


def _parse_exactly(cls: type[_Parsed], value: Mapping[str, Any], subject: str) -> _Parsed:
    """Return an instance from an object that has exactly the fields of the class."""
    if set(value) != {each.name for each in fields(cls)}:
        raise InvalidLedger(subject, "has missing or additional fields")
    return cls(**_parse_fields(cls, value, subject))


def _parse_fields(cls: type[_Parsed], value: object, subject: str) -> dict[str, Any]:
    """Return the values of the class's fields, each checked for its type."""
    if not isinstance(value, Mapping):
        raise InvalidLedger(subject, "has another value where an object is required")
    values = {}
    for each in fields(cls):
        if each.name in value:
            if not _CHECKS.get(str(each.type), _is_anything)(value[each.name]):
                raise InvalidLedger(subject, f"{each.name} must be of type {each.type}")
            values[each.name] = value[each.name]
        elif each.default is MISSING and each.default_factory is MISSING:
            raise InvalidLedger(subject, f"{each.name} is missing")
    return values


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_int(value: object) -> bool:
    return type(value) is int  # not bool


def _is_number(value: object) -> bool:
    return type(value) in {int, float}


def _is_text_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(map(_is_text, value))


def _is_anything(_value: object) -> bool:
    return True


_CHECKS: Mapping[str, Callable[[Any], bool]] = {  # by the annotation of the field
    "str": _is_text,
    "int": _is_int,
    "float": _is_number,
    "bool": lambda value: isinstance(value, bool),
    "str | None": lambda value: value is None or _is_text(value),
    "int | None": lambda value: value is None or _is_int(value),
    "float | None": lambda value: value is None or _is_number(value),
    "Sequence[str]": _is_text_list,
    "Sequence[Flag]": _is_text_list,
    "Sequence[AttemptRecord]": lambda value: isinstance(value, list),
}
