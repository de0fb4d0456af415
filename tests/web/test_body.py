"""Request bodies: anything that is not strict JSON, or too deep, is rejected before anything else."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultcore.errors import InvalidRequest
from vaultcore.web.strict_json import MAX_DEPTH, parse

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

INVALID = {
    "empty": b"",
    "words": b"hello",
    "cut": b'{"a": 1',
    "two": b'{"a": 1}{"b": 2}',
    "nan": b'{"a": NaN}',
    "infinity": b"[-Infinity]",
    "overflow": b"[1e999]",
    "key twice": b'{"model": "a", "model": "b"}',
    "key twice, deep": b'{"a": [{"b": 1, "b": 2}]}',
    "latin-1": '{"a": "é"}'.encode("latin-1"),
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "high surrogate": b'{"a": "\\ud83d"}',
    "low surrogate": b'{"a": "\\uDe00 x"}',
    "surrogate as a key": b'{"\\ud83d": 1}',
    "raw surrogate": b'{"a": "\xed\xa0\xbd"}',
    "5,000 digits": b'{"a": ' + b"9" * 5_000 + b"}",
    "10,000 deep": b"[" * 10_000 + b"]" * 10_000,
    "10,000 deep, never closed": b'{"a":' * 10_000,
    "200 deep in objects": b'{"a":' * 200 + b"1" + b"}" * 200,
}


@pytest.mark.parametrize("body", INVALID.values(), ids=INVALID.keys())
def test_invalid_json_is_rejected(body: bytes) -> None:
    """A body that is not strict JSON raises InvalidRequest, which does not quote it."""
    with pytest.raises(InvalidRequest) as caught:
        parse(body)
    assert caught.value.code == "invalid_json"
    assert caught.value.__cause__ is None


@given(VALUES)
def test_valid_json_is_parsed(value: object) -> None:
    """Any JSON value is parsed unchanged, escaped or not."""
    assert parse(json.dumps(value).encode()) == value
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"messages": [{}, {"content": [{"text": "a\\ud83c"}]}]}', "messages[1].content[0].text"),
        (b'{"next_month": {"x": ["\\udf0d"]}}', "next_month.x[0]"),
        (b'{"a\\ud83c": 1}', None),
    ],
)
def test_x32_a_lone_surrogate_is_named(body: bytes, param: str | None) -> None:
    """The error names the text with a lone surrogate by its path in the body."""
    with pytest.raises(InvalidRequest, match="lone surrogate") as caught:
        parse(body)
    assert caught.value.param == param


@pytest.mark.parametrize("number", [b"NaN", b"1e999", b"-Infinity"])
def test_x32_numbers_are_finite(number: bytes) -> None:
    """JSON has no number that is not finite, so the gateway could not send one."""
    with pytest.raises(InvalidRequest):
        parse(b'{"next_month": ' + number + b"}")


def test_an_accepted_body_can_be_nested_further() -> None:
    """A body of the maximum depth can be serialized inside further objects and lists."""
    body: object = parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    for _ in range(100):
        body = [body]
    assert json.dumps(body)


def test_an_escaped_surrogate_pair_is_one_character() -> None:
    """An escaped surrogate pair is one character, as in RFC 8259."""
    assert parse(b'["\\ud83d\\ude00"]') == ["😀"]


@pytest.mark.parametrize("depth", [1, MAX_DEPTH])
def test_the_maximum_depth_is_accepted(depth: int) -> None:
    """Nesting up to the limit is accepted; brackets inside strings are not nesting."""
    body = b"[" * (depth - 1) + b'["' + b"[{" * 5_000 + b'"]' + b"]" * (depth - 1)

    assert parse(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_rejected(body: bytes) -> None:
    """Any bytes are either parsed or raise InvalidRequest."""
    with suppress(InvalidRequest):
        parse(body)


@pytest.mark.parametrize(
    "end", [r"\"", r"\\\"", r"\n\""], ids=["quote", "backslash and quote", "line and quote"]
)
def test_brackets_after_an_escaped_quote_are_text(end: str) -> None:
    """An escaped quote does not end a string, so brackets after it are not nesting."""
    body = f'["{end}{"[" * 500}", "{"[" * 500}"]'.encode()

    assert parse(body) == json.loads(body)


def test_brackets_after_an_escaped_backslash_are_nesting() -> None:
    """An escaped backslash does not escape the quote after it."""
    body = rb'["\\", ' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"]"

    with pytest.raises(InvalidRequest, match="nested"):
        parse(body)
