"""Forms that are sent to providers, of the type multipart/form-data: RFC 7578."""

from __future__ import annotations

from vaultcore.dialects.data_uri import parse_data_uri
from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

FORM = "multipart/form-data"
DEFAULT_TYPE = "application/octet-stream"
_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file of a form that is sent to a provider."""

    media_type: str
    data: bytes

    @classmethod
    def from_data_uri(cls, uri: str, param: str) -> FormFile:
        """Return the file in a data URI. Raises InvalidRequest."""
        parsed = parse_data_uri(uri)
        try:
            if parsed is not None:
                return cls(parsed.media_type or DEFAULT_TYPE, parsed.as_bytes())
        except ValueError:
            pass
        raise InvalidRequest(f"{param} must be a file, or a data URI with valid base64", param=param)


def encode_form(fields: Json, boundary: str) -> tuple[bytes, str]:
    """Return a form's body and its content type. Values are texts, numbers, FormFiles or lists of them.

    No value may contain the boundary: use a random one.
    """
    parts: list[bytes] = []
    for name, value in fields.items():
        if isinstance(value, list):
            parts += [_encode_part(f"{name}[]", each, i) for i, each in enumerate(value, 1)]
        else:
            parts.append(_encode_part(name, value, 1))
    delimiter = f"--{boundary}\r\n".encode()
    body = b"".join(delimiter + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()
    return body, f"{FORM}; boundary={boundary}"


def _encode_part(name: str, value: object, number: int) -> bytes:
    disposition = f'content-disposition: form-data; name="{name}"'
    if isinstance(value, FormFile):
        filename = f"{name.removesuffix('[]')}-{number}.{_EXTENSIONS.get(value.media_type, 'bin')}"
        head = f'{disposition}; filename="{filename}"\r\ncontent-type: {value.media_type}\r\n\r\n'
        return head.encode() + value.data
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{disposition}\r\n\r\n{text}".encode()
