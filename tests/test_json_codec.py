"""JSON: orjson and the standard library give the same values, errors and texts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vaultcore.errors import InvalidRequest
from vaultcore.json_codec import (
    MEDIUM,
    ORJSON,
    PART,
    dumps,
    dumps_finite,
    dumps_text,
    loads,
    loads_finite,
    standard_dumps,
    standard_dumps_finite,
    standard_dumps_text,
    standard_loads,
    standard_loads_finite,
)
from vaultcore.web.strict_json import MAX_DEPTH, parse, parse_exactly

ESCAPES = [
    '\\"',
    "\\\\",
    "\\/",
    "\\n",
    "\\u0022",
    "\\u003a",
    "\\u003A",
    "\\u0061",
    "\\u00e9",
    "\\ud83d\\ude00",
]
SURROGATES = ["\\ud83d", "\\uDE00", "\\ude00\\ud83d"]
PIECES = [":", '\\":', " :", ",", "[", "{", "a", "é", "e+", "+", "😀", "\x7f", "12345678901234567890"]
DIGITS = st.text("0123456789", min_size=1, max_size=25).map(lambda text: text.lstrip("0") or "0")
INTEGERS = st.builds("{}{}".format, st.sampled_from(["", "-"]), DIGITS)
FLOATS = st.builds(
    "{}{}{}".format,
    INTEGERS,
    st.sampled_from(["", ".0", ".5", ".000000000000000000001", ".10"]),
    st.sampled_from(["", "e5", "E-7", "e+22", "e-400", "e999", "E308", "e15"]),
)
CONSTANTS = st.sampled_from(["null", "true", "false", "NaN", "Infinity", "-Infinity", "01", "1.", "", "nul"])
SPACES = st.sampled_from(["", "", "", " ", "\n  ", "\t", "\x0b"])
STRINGS = st.lists(st.sampled_from([*PIECES, *ESCAPES, *PIECES, *ESCAPES, *SURROGATES]), max_size=4).map(
    lambda pieces: f'"{"".join(pieces)}"'
)
NAMES = st.sampled_from(['"a"', '"a"', '"b"', '"\\u0061"', '"c:"', '"c\\u003a"', '"\\""']) | STRINGS


def _list(items: list[str], space: str) -> str:
    return f"[{space}{f',{space}'.join(items)}]"


def _object(members: list[tuple[str, str]], before: str, after: str) -> str:
    return f"{{{','.join(f'{name}{before}:{after}{value}' for name, value in members)}{before}}}"


TEXTS = st.recursive(
    STRINGS | INTEGERS | FLOATS | CONSTANTS,
    lambda inner: (
        st.builds(_list, st.lists(inner, max_size=4), SPACES)
        | st.builds(_object, st.lists(st.tuples(NAMES, inner), max_size=4), SPACES, SPACES)
    ),
    max_leaves=12,
)
DEPTHS = st.builds(
    lambda depth, name: name * depth + "1" + ("}" if name[0] == "{" else "]") * depth,
    st.integers(MAX_DEPTH - 3, MAX_DEPTH + 3) | st.integers(250, 260),
    st.sampled_from(["[", '{"a":', '{"a": ', '[1,"[",']),
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text('\ud800é\n"\\\x00\x7f')
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


def outcome(function: Callable[[bytes], object], text: bytes) -> tuple[object, ...]:
    """Return the value with the type of each number, or the error."""
    try:
        return ("value", repr(function(text)))
    except InvalidRequest as error:
        return ("error", str(error), error.code, error.param)
    except (ValueError, RecursionError) as error:
        return ("error", type(error).__name__)


@settings(max_examples=1_500)
@example('{"a" :1,"a":2}')
@example('{"c\\u003a":1,"c\\u003A":2}')
@example('{"a":"\\u003a","a":1}')
@example("[18446744073709551616]")
@example("[-9223372036854775809,1]")
@example("[-0,-0.0]")
@given(TEXTS | DEPTHS)
def test_requests_are_parsed_as_by_the_standard_library(text: str) -> None:
    """Both parsers of requests return the same value, or raise the same error, for the same text."""
    body = text.encode()

    assert outcome(parse, body) == outcome(parse_exactly, body)
    padded = f'{{"pad": "{"x" * 300}", "b":{text}}}'.encode()
    assert outcome(parse, padded) == outcome(parse_exactly, padded)


@given(st.binary(max_size=60))
def test_bytes_are_parsed_as_by_the_standard_library(body: bytes) -> None:
    """The same holds for any bytes."""
    assert outcome(parse, body) == outcome(parse_exactly, body)


@settings(max_examples=800)
@given(TEXTS)
def test_providers_texts_are_read_as_by_the_standard_library(text: str) -> None:
    """A response or an event has the value that the standard library reads, or the same error."""
    assert outcome(loads, text.encode()) == outcome(standard_loads, text.encode())
    assert outcome(partial(_read, loads), text.encode()) == outcome(loads, text.encode())
    finite = partial(_read, standard_loads_finite)
    assert outcome(partial(_read, loads_finite), text.encode()) == outcome(finite, text.encode())


def _read(function: Callable[[str], object], text: bytes) -> object:
    return function(text.decode())


@given(VALUES)
def test_values_are_written_as_valid_json(value: object) -> None:
    """Both encoders write compact texts of the same value, null for NaN; bytes without a lone surrogate."""
    text, standard = dumps_text(value), standard_dumps_text(value)

    assert _parse(text) == _parse(standard)
    try:
        written = standard_dumps(value)
    except UnicodeEncodeError:
        with pytest.raises(UnicodeEncodeError):
            dumps(value)
    else:
        assert _parse(dumps(value)) == _parse(written)


@given(VALUES, st.sampled_from([0, MEDIUM]))
@example([None, float("nan")], 0)
@example([None, float("-inf")], MEDIUM)
@example([None, "\x7f"], MEDIUM)
def test_provider_requests_have_finite_numbers(value: object, size: int) -> None:
    """Both encoders of requests refuse NaN and infinity, in short and long bodies."""
    body = {"padding": "x" * size, "value": value}

    assert _written(dumps_finite, body) == _written(standard_dumps_finite, body)


def _written(function: Callable[[object], bytes], value: object) -> str:
    try:
        return _parse(function(value))
    except ValueError as error:
        return type(error).__name__


def _parse(text: str | bytes) -> str:
    """Return the value with its types. Constants that are not JSON fail the test."""
    return repr(json.loads(text, parse_constant=pytest.fail))


@pytest.mark.parametrize(
    "value", [object(), {"a": {1, 2}}, {(1, 2): 3}, float], ids=["object", "set", "key", "class"]
)
def test_values_outside_json_are_refused(value: object) -> None:
    """A value that JSON does not have raises TypeError."""
    with pytest.raises(TypeError):
        dumps(value)
    with pytest.raises(TypeError):
        standard_dumps(value)


@pytest.mark.parametrize("size", [PART - 1, PART, PART + 1, 3 * PART])
def test_long_lists_are_written_like_short_ones(size: int) -> None:
    """The standard library's encoder writes a long list in parts, without a difference."""
    value = {"messages": [{"role": "user", "content": "é"}] * size, "model": "m"}

    assert (
        standard_dumps(value)
        == dumps(value)
        == json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    )


def test_deep_values_are_written() -> None:
    """A value deeper than orjson writes is written by the standard library."""
    value: object = 1
    for _ in range(300):
        value = [value]

    assert dumps(value) == b"[" * 300 + b"1" + b"]" * 300


def test_the_standard_library_serves_without_orjson() -> None:
    """Without orjson, everything is imported and works with the standard library."""
    code = (
        "import sys; sys.modules['orjson'] = None\n"
        "from vaultcore import json_codec\n"
        "from vaultcore.web.strict_json import parse\n"
        "assert json_codec.ORJSON is None and json_codec.loads is json_codec.standard_loads\n"
        'print(json_codec.dumps(parse(b\'{"a": [1.5, "\\\\u00e9"]}\')).decode())'
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ('{"a":[1.5,"é"]}\n', "")


def test_orjson_is_in_use() -> None:
    """The locked requirements contain an orjson that the gateway uses."""
    assert ORJSON is not None
