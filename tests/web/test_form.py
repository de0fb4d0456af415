"""Forms of clients become JSON objects, whatever they contain, within bounds."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultcore.errors import InvalidRequest
from vaultcore.media.form import FormFile, encode_form
from vaultcore.web.form import MAX_PARTS, parse_form

TYPE = "multipart/form-data; boundary=x"
BOUNDARY = "7d1f0c9e5b"
NAMES = st.text("abcdef_", min_size=1, max_size=8)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=50)
FILES = st.binary(max_size=200).map(lambda data: FormFile("image/png", data))
HEAD = b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n'
INVALID = {
    "no boundary": (b"--x--\r\n", "multipart/form-data"),
    "a long boundary": (b"", f"multipart/form-data; boundary={'x' * 71}"),
    "empty": (b"", TYPE),
    "another boundary": (HEAD + b"1\r\n--x--\r\n", "multipart/form-data; boundary=y"),
    "a part without end": (HEAD + b"1", TYPE),
    "no last boundary": (HEAD + b"1\r\n--x\r\n", TYPE),
    "no name": (b"--x\r\ncontent-disposition: form-data\r\n\r\n1\r\n--x--\r\n", TYPE),
    "no UTF-8": (HEAD + b"\xff\r\n--x--\r\n", TYPE),
    "a long header": (b"--x\r\na: " + b"b" * 5_000 + b"\r\n\r\n1\r\n--x--\r\n", TYPE),
    "many parts": ((HEAD + b"1\r\n") * (MAX_PARTS + 1) + b"--x--\r\n", TYPE),
}


@given(st.dictionaries(NAMES, st.one_of(TEXTS, FILES, st.lists(FILES, min_size=1, max_size=4)), min_size=1))
def test_a_form_is_read_as_it_was_written(fields: dict[str, object]) -> None:
    """Every text, file and list of files that one writes is read back unchanged."""

    def as_json(value: object) -> object:
        match value:
            case FormFile(media_type, data):
                return f"data:{media_type};base64,{b64encode(data).decode()}"
            case list():
                return [as_json(each) for each in value]
            case _:
                return value

    body, content_type = encode_form(fields, BOUNDARY)
    assert parse_form(body, content_type) == {name: as_json(value) for name, value in fields.items()}


def test_repeated_fields_are_lists() -> None:
    """A repeated name is a list, and so is a single one that ends with []."""
    part = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    parts = [("a", "1"), ("b[]", "2"), ("a", "3"), ("c", "4"), ("a", "5")]
    body = "".join(part.format(*each) for each in parts) + "--x--"
    assert parse_form(body.encode(), TYPE) == {"a": ["1", "3", "5"], "b": ["2"], "c": "4"}


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_form_is_rejected(name: str) -> None:
    """A form that is damaged or cut, or has too many parts, is a 400 error."""
    with pytest.raises(InvalidRequest):
        parse_form(*INVALID[name])


@given(data=st.data())
def test_a_cut_form_is_rejected(data: st.DataObject) -> None:
    """A form that ends early anywhere before its last boundary is a 400 error."""
    body, content_type = encode_form({"prompt": "a hat", "image": FormFile("image/png", b"\r\n--")}, BOUNDARY)
    cut = data.draw(st.integers(0, len(body) - 5))
    with pytest.raises(InvalidRequest):
        parse_form(body[:cut], content_type)
