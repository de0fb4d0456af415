"""What the Runtime API answers, read: as much of HTTP/1.1 as its server speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field


class RuntimeApiError(Exception):
    """The Runtime API answered something that no runtime can go on from."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The two ends of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str] = field(repr=False)  # names in lower case
    body: bytes = field(repr=False)


async def read_answer(reader: asyncio.StreamReader) -> HttpAnswer:
    """One whole answer. Raises RuntimeApiError where it is none, ConnectionError where it does not come."""
    try:
        return await _read(reader)
    except asyncio.IncompleteReadError as error:
        raise ConnectionAbortedError("the Runtime API hung up") from error


async def _read(reader: asyncio.StreamReader) -> HttpAnswer:
    version, _, rest = (await _read_line(reader)).partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
        raise RuntimeApiError("the Runtime API does not speak HTTP/1.1")
    headers: dict[str, str] = {}
    while line := await _read_line(reader):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return HttpAnswer(int(rest[:3]), headers, await _read_body(reader, headers))


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    pieces: list[bytes] = []
    while size := int((await _read_line(reader)).partition(";")[0], 16):
        pieces.append(await reader.readexactly(size))
        await _read_line(reader)
    while await _read_line(reader):
        pass  # trailers, up to the empty line: what is left unread would be taken for the next answer
    return b"".join(pieces)


async def _read_line(reader: asyncio.StreamReader) -> str:
    return (await reader.readuntil(b"\n")).decode("latin-1").rstrip("\r\n")
