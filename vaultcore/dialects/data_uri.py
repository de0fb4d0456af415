"""Data URIs (RFC 2397) and the media types of the files in them, found by their first bytes."""

from __future__ import annotations

import binascii
import re
from urllib.parse import unquote_to_bytes

from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass

_DATA_URI = re.compile(r"data:(?P<type>[^;,]*)(?P<params>(?:;[^;,]*)*),", re.IGNORECASE)
_SIGNATURES = (  # the first bytes of a file of each type
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/gif", re.compile(rb"GIF8[79]a")),
    ("image/webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("application/pdf", re.compile(rb"%PDF-")),
)
_SNIFFED = 24  # bytes that are searched for it, more than any signature
_STANDARD = str.maketrans("-_", "+/", " \t\r\n")  # the URL-safe alphabet -> the standard one; no white space


@dataclass(frozen=True, slots=True)
class DataUri:
    """A parsed data URI. `media_type` is lower case, "" if the URI has none; `text` follows the comma."""

    media_type: str
    is_base64: bool
    text: str

    def as_base64(self) -> str:
        """Return the data in base64, without white space."""
        if self.is_base64:
            return "".join(self.text.split())
        return binascii.b2a_base64(unquote_to_bytes(self.text), newline=False).decode()

    def as_bytes(self) -> bytes:
        """Return the data. Raise ValueError if it is not valid base64."""
        return binascii.a2b_base64(self.text) if self.is_base64 else unquote_to_bytes(self.text)


def is_data_uri(text: str) -> bool:
    return text[:5].lower() == "data:"


def parse_data_uri(uri: str) -> DataUri | None:
    """Return the parts of a data URI, or None if the text is not one."""
    match = _DATA_URI.match(uri)
    if match is None:
        return None
    is_base64 = any(param.strip().lower() == "base64" for param in match["params"].split(";"))
    return DataUri(match["type"].strip().lower(), is_base64, uri[match.end() :])


def pdf_data_uri(data: str) -> str:
    """Return base64 of a file without a type as a data URI; clients send PDFs so."""
    return f"data:application/pdf;base64,{data}"


def sniff_media_type(data: str, path: str) -> str | None:
    """Return the media type that the first bytes of base64 `data` show, or None if they show none.

    Clients often declare a wrong type and providers reject the mismatch. Raise InvalidRequest for the field
    `path` if the data is empty or not base64.
    """
    if not data:
        raise InvalidRequest("is empty", param=path)
    try:
        content = binascii.a2b_base64(_standard(data), strict_mode=True)
    except ValueError:
        raise InvalidRequest("is not base64", param=path) from None
    head = content[:_SNIFFED]
    return next((media_type for media_type, signature in _SIGNATURES if signature.match(head)), None)


def _standard(data: str) -> str:
    """Return base64 in the standard alphabet and with its padding, which some clients leave out."""
    text = data.translate(_STANDARD)
    return text if text.endswith("=") else text + "=" * (-len(text) % 4)
