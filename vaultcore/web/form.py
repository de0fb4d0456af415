"""Forms that clients send, of the type multipart/form-data (RFC 7578), as JSON objects.

A file becomes a data URI. A field that is repeated, or whose name ends with `[]`, becomes a list:

    image[]: <a.png>, prompt: "a hat"  ->  {"image": ["data:image/png;base64,…"], "prompt": "a hat"}
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

DEFAULT_TYPE = "application/octet-stream"
MAX_PARTS = 100
MAX_BOUNDARY = 70  # characters: RFC 2046, section 5.1.1


def parse_form(body: bytes, content_type: str) -> Json:
    """Return a form as a JSON object. Raises InvalidRequest."""
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not 1 <= len(boundary) <= MAX_BOUNDARY:
        raise InvalidRequest("the content-type has no valid boundary", param="content-type")
    reader = _FormReader()
    parser = MultipartParser(boundary, reader.callbacks())
    try:
        parser.write(body)
        parser.finalize()
    except FormParserError:
        reader.is_complete = False
    if not reader.is_complete:
        raise InvalidRequest("the body is not a valid form, or ends early", code="invalid_form")
    return reader.form


class _FormReader:
    """Collects the parts of a form."""

    def __init__(self) -> None:
        self.form: Json = {}
        self.is_complete = False
        self._count = 0
        self._header, self._value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._data: list[bytes] = []

    def callbacks(self) -> MultipartCallbacks:
        """Return the functions that the parser calls, by event."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._add_to_name,
            "on_header_value": self._add_to_value,
            "on_header_end": self._end_header,
            "on_part_data": self._add_data,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._count += 1
        if self._count > MAX_PARTS:
            raise InvalidRequest(f"the form has more than {MAX_PARTS} parts", code="invalid_form")
        self._headers, self._data = {}, []

    def _add_to_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header, self._value = b"", b""

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        self._data.append(data[start:end])

    def _end_part(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if not name:
            raise InvalidRequest("a part of the form has no name", code="invalid_form")
        value = self._part_value(name, is_file=b"filename" in options)
        plain = name.removesuffix("[]")
        if plain not in self.form:
            self.form[plain] = [value] if plain != name else value
        elif isinstance(self.form[plain], list):
            self.form[plain].append(value)
        else:
            self.form[plain] = [self.form[plain], value]

    def _part_value(self, name: str, *, is_file: bool) -> str:
        data = b"".join(self._data)
        if is_file:
            media_type = self._headers.get(b"content-type", b"").decode("latin-1").strip().lower()
            return f"data:{media_type or DEFAULT_TYPE};base64,{b64encode(data).decode()}"
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise InvalidRequest(f"{name} is not UTF-8", param=name) from None

    def _end(self) -> None:
        self.is_complete = True
