"""The lines of an exported ledger as they are read: spelled as it writes them, of the form they claim."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from vaultcore.ledger.chain import Seal, canonical
from vaultcore.ledger.export import Header
from vaultcore.ledger.rates import sound
from vaultcore.store import document_types
from vaultcore.usage.record import Record, Tried

LONGEST = 16 << 20  # bytes
_Made = TypeVar("_Made", Seal, Header, Record, Tried)


class Malformed(Exception):
    """Something is wrong with a line or with what it tells; `subject` is what of it."""

    def __init__(self, subject: str, wrong: str) -> None:
        super().__init__(f"{subject}: {wrong}")
        self.subject, self.wrong = subject, wrong


def parsed(line: bytes) -> dict[str, Any]:
    """The object of a line. Only one spelling of it is taken, so that no byte can be another."""
    if not line.endswith(b"\n"):
        raise Malformed("the file", "ends in the middle of a line")
    if len(line) > LONGEST:
        raise Malformed("the line", "is too long")
    try:
        told = json.loads(line.decode("ascii"))
        if isinstance(told, dict) and canonical(told).encode() + b"\n" == line:
            return told
    except (ValueError, RecursionError):
        pass  # said below
    raise Malformed("the line", "is not a JSON object as the ledger writes it")


def header(told: Mapping[str, Any]) -> Header:
    return _exactly(Header, told, "the header")


def seal(told: Mapping[str, Any]) -> Seal:
    return _exactly(Seal, told, "a line that is neither row nor seal")


def record(told: Mapping[str, Any], id: str) -> tuple[str, Record]:
    """A row's record, and its place. What later versions may write besides is passed over."""
    kept = _known(Record, told, id)
    tried = [_known(Tried, each, id) for each in kept.get("attempts", ())]
    if not sound(kept.get("price", {})):
        raise Malformed(id, "is not a record")
    made = Record(**{**kept, "attempts": [Tried(**each) for each in tried]})
    try:
        name = document_types.record(made.ended, made.id)
    except (ValueError, OverflowError, OSError):  # a time that is none
        raise Malformed(id, "is not a record") from None
    return f"{name.shelf.removeprefix(document_types.log(''))}/{name.entry}", made


def _exactly(form: type[_Made], told: Mapping[str, Any], subject: str) -> _Made:
    if set(told) != {each.name for each in fields(form)}:
        raise Malformed(subject, "has other fields than it must have")
    return form(**_known(form, told, subject))


def _known(form: type[_Made], told: object, subject: str) -> dict[str, Any]:
    """The fields of a form that an object tells, each of its type."""
    if not isinstance(told, Mapping):
        raise Malformed(subject, "is not an object where one must be")
    known = {}
    for each in fields(form):
        if each.name in told:
            if not _FORMS.get(str(each.type), _anything)(told[each.name]):
                raise Malformed(subject, f"{each.name} is not what it must be")
            known[each.name] = told[each.name]
        elif each.default is MISSING and each.default_factory is MISSING:
            raise Malformed(subject, f"{each.name} is missing")
    return known


def _text(value: object) -> bool:
    return isinstance(value, str)


def _whole(value: object) -> bool:
    return type(value) is int


def _number(value: object) -> bool:
    return type(value) in {int, float}


def _texts(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(map(_text, value))


def _anything(_value: object) -> bool:
    return True


_FORMS: Mapping[str, Callable[[Any], bool]] = {
    "str": _text,
    "int": _whole,
    "float": _number,
    "bool": lambda value: isinstance(value, bool),
    "str | None": lambda value: value is None or _text(value),
    "int | None": lambda value: value is None or _whole(value),
    "float | None": lambda value: value is None or _number(value),
    "Sequence[str]": _texts,
    "Sequence[Flag]": _texts,
    "Sequence[Tried]": lambda value: isinstance(value, list),
}
