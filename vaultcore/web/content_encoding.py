"""Decompresses request bodies, within bounds: gzip, deflate and zstd, as RFC 9110 (section 8.4) defines them.

Codex sends zstd, other clients gzip. zstd is part of Python 3.14 and of the extra `serve`; without it, status
415 says which encodings are accepted.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol

from vaultcore.errors import InvalidRequest, RequestTooLarge, UnsupportedMedia

MAX_MEMBERS = 16  # concatenated gzip members or zstd frames of one body
WINDOW_LOG = 23  # 8 MB, which decoders should support at least: RFC 8878, section 3.1.1.1.2
ZSTD_MODULES = ("compression.zstd", "backports.zstd")
ENCODING = "content-encoding"


class Decompressor(Protocol):
    """Decompresses one member: the interface that zlib and zstd have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _zlib_decompressor() -> Decompressor:
    return zlib.decompressobj(zlib.MAX_WBITS | 32)  # recognises gzip and zlib by their first bytes


def _zstd_decompressor() -> Decompressor:
    zstd = import_module(_zstd_module())
    decompressor: Decompressor = zstd.ZstdDecompressor(
        options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG}
    )
    return decompressor


def _zstd_module() -> str:
    """Return the name of the zstd module that is installed, or ""."""
    return next((name for name in ZSTD_MODULES if _is_installed(name)), "")


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # of the parent package
        return False


_zlib = {"gzip": _zlib_decompressor, "x-gzip": _zlib_decompressor, "deflate": _zlib_decompressor}
DECOMPRESSORS: Mapping[str, Callable[[], Decompressor]] = (
    {**_zlib, "zstd": _zstd_decompressor} if _zstd_module() else _zlib
)


def check_encoding(encoding: str) -> None:
    """Raise UnsupportedMedia, which names the accepted encodings, if a body cannot be decompressed."""
    if encoding not in DECOMPRESSORS:
        accepted = ", ".join(DECOMPRESSORS)
        error = UnsupportedMedia(f"the content-encoding must be one of {accepted}, or absent", param=ENCODING)
        error.headers["accept-encoding"] = accepted  # RFC 9110, section 15.5.16
        raise error


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Return the decompressed body, at most `limit` bytes. `encoding` is a key of DECOMPRESSORS.

    Raises RequestTooLarge, or InvalidRequest for a body that is damaged or ends early.
    """
    members: list[bytes] = []
    remaining = limit
    for _ in range(MAX_MEMBERS):
        decompressor = DECOMPRESSORS[encoding]()
        try:
            member = decompressor.decompress(body, remaining + 1)
        except Exception:  # noqa: BLE001 - zlib.error or ZstdError, whose module may not be installed
            raise _invalid(encoding) from None
        remaining -= len(member)
        if remaining < 0:
            raise RequestTooLarge(f"the decompressed body is larger than {limit:,} bytes; send media by URL")
        if not decompressor.eof:
            raise _invalid(encoding)
        members.append(member)
        body = decompressor.unused_data
        if not body:
            return b"".join(members)
    raise _invalid(encoding)


def _invalid(encoding: str) -> InvalidRequest:
    return InvalidRequest(f"the body is not valid {encoding}, or ends early", param=ENCODING)
