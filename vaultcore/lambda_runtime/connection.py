"""A connection to the Runtime API and its HTTP/1.1 responses: the subset that its server sends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import field

from vaultcore.lazy_dataclass import dataclass


class RuntimeApiError(Exception):
    """The Runtime API returned an error status or something that is not HTTP/1.1."""


@dataclass(frozen=True, slots=True)
class RuntimeApiConnection:
    """The reader and the writer of one TCP connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


@dataclass(frozen=True, slots=True)
class RuntimeApiResponse:
    """One response, read completely."""

    status: int
    headers: Mapping[str, str] = field(repr=False)  # lower-case names
    body: bytes = field(repr=False)


async def read_response(reader: asyncio.StreamReader) -> RuntimeApiResponse:
    """Read one complete response.

    Raises RuntimeApiError if it is not HTTP/1.1 and ConnectionError if the connection ends before it does.
    """
    try:
        return await _read(reader)
    except asyncio.IncompleteReadError as error:
        raise ConnectionAbortedError("the Runtime API closed the connection") from error


async def _read(reader: asyncio.StreamReader) -> RuntimeApiResponse:
    version, _, rest = (await _read_line(reader)).partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
        raise RuntimeApiError("the Runtime API does not speak HTTP/1.1")
    headers: dict[str, str] = {}
    while line := await _read_line(reader):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return RuntimeApiResponse(int(rest[:3]), headers, await _read_body(reader, headers))


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    chunks: list[bytes] = []
    while size := int((await _read_line(reader)).partition(";")[0], 16):
        chunks.append(await reader.readexactly(size))
        await _read_line(reader)
    while await _read_line(reader):
        pass  # trailers, up to the empty line: unread bytes would be parsed as the next response
    return b"".join(chunks)


async def _read_line(reader: asyncio.StreamReader) -> str:
    return (await reader.readuntil(b"\n")).decode("latin-1").rstrip("\r\n")
