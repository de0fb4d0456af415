"""The filter on the text of stored records never rejects one that fits, and rejects most of the others."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from vaultcore.control.key_owners import KeyDirectory
from vaultcore.web.admin.log_filter import EXACT_FIELDS, RecordFilter
from vaultcore.web.admin.logs import LogQuery

KEYS = KeyDirectory({"key_1": "Kiosk \u00c4", "key_2": "other"}, {"key_1": "", "key_2": ""})
VALUES = ("key_1", "GPT", 'a"b\\c', "\u212aelvin", "stra\u00dfe", "caf\u00e9", "404", "a\nb", "", None)
SEARCHED = ("k", "kelvin", "strasse", "STRASSE", "gpt", 'a"b', "\\", "kiosk", "\u00e4", "04", "a\nb")
SPACED, COMPACT = json.dumps, json.JSONEncoder(separators=(",", ":")).encode
UNESCAPED = json.JSONEncoder(ensure_ascii=False).encode


def records() -> list[dict[str, Any]]:
    """Return records with each value in each field, of several statuses."""
    base = {"key": "key_2", "model": "m", "path": "/v1", "status": 200, "attempts": [{"status": 404}]}
    fields = (*EXACT_FIELDS, "model", "served")
    changed = [{**base, name: value} for name, value in product(fields, VALUES)]
    refused = {**base, "status": 429, "refusal": {"key": "key_1"}}
    return [*changed, {**base, "status": 404}, {**base, "status": 503}, refused]


@pytest.mark.parametrize(
    "query",
    [
        *({name: value} for name in EXACT_FIELDS for value in VALUES if value is not None),
        *({"model": value} for value in ("GPT", "g*", "caf\u00e9", "*\u00e9", 'a"b\\c')),
        *({"status": value} for value in ("404", "4xx", "2xx", "503")),
        *({"refused": value} for value in (True, False)),
        *({"search": value} for value in SEARCHED),
        {"search": "k", "status": "2xx", "key": "key_2"},
    ],
)
def test_no_record_that_fits_is_rejected(query: dict[str, Any]) -> None:
    """For any filter and value, a record that fits passes by its text, in every form that JSON has."""
    accepts = RecordFilter(LogQuery(**query), KEYS)
    fitting = [each for each in records() if accepts.matches(each)]

    for record, encode in product(fitting, (SPACED, COMPACT, UNESCAPED)):
        assert accepts.may_match(encode(record)), record


@pytest.mark.parametrize(
    "query",
    [{"search": "nothing has this"}, {"id": "x"}, {"status": "500"}, {"refused": True}, {"model": "gpt-9"}],
)
def test_a_record_that_does_not_fit_is_not_parsed(query: dict[str, Any]) -> None:
    """A text without the value that a filter requires is rejected."""
    record = {"id": "req_1", "key": "key_1", "model": "gpt-4o", "path": "/v1", "status": 200}

    assert not RecordFilter(LogQuery(**query), KEYS).may_match(COMPACT(record))


def test_the_name_of_a_key_passes_its_records() -> None:
    """A search for a key's name passes records of that key only."""
    accepts = RecordFilter(LogQuery(search="KIOSK"), KEYS)

    assert [accepts.may_match(COMPACT({"key": key})) for key in ("key_1", "key_2")] == [True, False]
