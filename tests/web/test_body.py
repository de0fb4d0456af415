"""Request bodies: what is not JSON, or more than JSON allows, is refused before anything else happens."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultcore.errors import InvalidRequest
from vaultcore.web.body import MAX_DEPTH, parse

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    LEAVES | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=30
)

REFUSED = {
    "empty": b"",
    "words": b"hello",
    "cut": b'{"a": 1',
    "two": b'{"a": 1}{"b": 2}',
    "nan": b'{"a": NaN}',
    "infinity": b"[-Infinity]",
    "as good as infinity": b"[1e999]",
    "key twice": b'{"model": "a", "model": "b"}',
    "key twice, deep": b'{"a": [{"b": 1, "b": 2}]}',
    "latin-1": '{"a": "é"}'.encode("latin-1"),
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "half a character": b'{"a": "\\ud83d"}',
    "the other half": b'{"a": "\\uDe00 x"}',
    "half a character as a key": b'{"\\ud83d": 1}',
    "raw surrogate": b'{"a": "\xed\xa0\xbd"}',
    "5,000 digits": b'{"a": ' + b"9" * 5_000 + b"}",
    "10,000 deep": b"[" * 10_000 + b"]" * 10_000,
    "10,000 deep, never closed": b'{"a":' * 10_000,
    "200 deep in objects": b'{"a":' * 200 + b"1" + b"}" * 200,
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_json_is_refused(body: bytes) -> None:
    """A body that is not strict JSON is an InvalidRequest, and nothing of it is quoted."""
    with pytest.raises(InvalidRequest) as caught:
        parse(body)
    assert caught.value.code == "invalid_json"
    assert caught.value.__cause__ is None


@given(VALUES)
def test_all_json_is_read(value: object) -> None:
    """Whatever JSON can say comes through as it was, escaped or not."""
    assert parse(json.dumps(value).encode()) == value
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


def test_a_pair_of_halves_is_a_character() -> None:
    """An escaped surrogate pair is what JSON has for characters beyond 16 bits."""
    assert parse(b'["\\ud83d\\ude00"]') == ["😀"]


@pytest.mark.parametrize("depth", [1, MAX_DEPTH])
def test_the_permitted_depth_is_read(depth: int) -> None:
    """Nesting up to the limit is read; brackets inside strings are not nesting."""
    body = b"[" * (depth - 1) + b'["' + b"[{" * 5_000 + b'"]' + b"]" * (depth - 1)

    assert parse(body)


@given(st.binary(max_size=200))
def test_no_bytes_crash_it(body: bytes) -> None:
    """Any bytes are either read or refused."""
    with suppress(InvalidRequest):
        parse(body)


@pytest.mark.parametrize(
    "end", [r"\"", r"\\\"", r"\n\""], ids=["quote", "backslash and quote", "line and quote"]
)
def test_brackets_after_an_escaped_quote_are_text(end: str) -> None:
    """A quote that is escaped does not end a string, so what follows it is not nesting."""
    body = f'["{end}{"[" * 500}", "{"[" * 500}"]'.encode()

    assert parse(body) == json.loads(body)


def test_brackets_after_an_escaped_backslash_are_nesting() -> None:
    """A backslash that is escaped does not escape the quote after it."""
    body = rb'["\\", ' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"]"

    with pytest.raises(InvalidRequest, match="nested"):
        parse(body)
