"""Reads a request's body within bounds of size and time, and decompresses it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import ParamSpec, TypeVar

from vaultcore.call import Worker, run_here
from vaultcore.errors import RequestTooLarge, UnsupportedMedia
from vaultcore.web.client_request import ClientDisconnected, ClientRequest
from vaultcore.web.content_encoding import ENCODING, check_encoding, decompress
from vaultcore.web.strict_json import ParseFloat, parse

P = ParamSpec("P")
T = TypeVar("T")
Types = tuple[str, ...]
JSON: Types = ("application/json",)
FORM = "multipart/form-data"
SWITCH_INTERVAL = 0.0005  # seconds; the event loop waits as long after each read of a socket
LARGE = 256 * 1024  # bytes of a body that is parsed in a thread
MAX_READING = 4  # large bodies
READING_WAIT = 5.0  # seconds


class LargeBodies:
    """Works on large bodies in one thread, one after another, so that the event loop serves other requests.

    A thread is enough. The interpreter switches threads within SWITCH_INTERVAL except during one C call, and
    MAX_VALUES and MAX_CONTAINERS bound the longest such call to about 60 ms.
    """

    def __init__(self) -> None:
        self._thread: Executor | None = None
        self._reading = asyncio.Semaphore(MAX_READING)

    async def read(self, request: ClientRequest, limit: int, types: Types = JSON) -> bytes:
        """Return the bytes of a body of one of these types, at most `limit`.

        Raises RequestTooLarge, UnsupportedMedia or InvalidRequest.

        MAX_READING large bodies are read at a time: a hundred at once would keep the event loop busy. Slow
        clients cannot block others, which wait READING_WAIT seconds at most.
        """
        if (length := request.content_length) <= LARGE:
            return await read_body(request, limit, types, length)
        try:
            await asyncio.wait_for(self._reading.acquire(), READING_WAIT)
        except TimeoutError:
            return await read_body(request, limit, types)
        try:
            return await read_body(request, limit, types)
        finally:
            self._reading.release()

    def worker(self, size: int) -> Worker:
        """Return what runs the work on a body of `size` bytes."""
        if size > LARGE:
            return self._run
        return run_here

    async def _run(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if self._thread is None:
            from concurrent.futures import ThreadPoolExecutor  # 2 ms, for large bodies only

            self._thread = ThreadPoolExecutor(1, "large-body")
        turn = partial(_run_politely, work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._thread, turn)


def _run_politely(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run work in a thread that the event loop interrupts sooner than by default."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        return work(*args, **kwargs)
    finally:
        sys.setswitchinterval(interval)


async def read_json(request: ClientRequest, limit: int, *, parse_float: ParseFloat | None = None) -> object:
    """Return the parsed body. Raises RequestTooLarge, UnsupportedMedia or InvalidRequest.

    `limit` is in bytes. `parse_float` parses numbers with a point or an exponent, in place of `float`.
    """
    return parse(await read_body(request, limit), parse_float=parse_float)


async def read_body(
    request: ClientRequest, limit: int, types: Types = JSON, length: int | None = None
) -> bytes:
    """Return the bytes of a body of one of these types, decompressed, at most `limit`.

    `length` is the announced one, if it is known already. Raises RequestTooLarge, UnsupportedMedia or
    InvalidRequest.
    """
    if content_type(request) not in types:
        raise UnsupportedMedia(f"the content-type must be {' or '.join(types)}")
    length = request.content_length if length is None else length
    encoding = request.headers.get(ENCODING, "").strip().lower()
    if encoding in {"", "identity"}:
        return await _read(request, limit, length)
    check_encoding(encoding)
    return decompress(await _read(request, limit, length), encoding, limit)


def content_type(request: ClientRequest) -> str:
    """Return the media type of a body, without parameters; that of JSON for types that end with `+json`."""
    value = request.headers.get("content-type", "")
    if value == JSON[0]:
        return value
    kind = value.partition(";")[0].strip().lower()
    return JSON[0] if kind.endswith("+json") else kind


async def _read(request: ClientRequest, limit: int, length: int) -> bytes:
    if length > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size, is_complete = 0, False
    while not is_complete:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise _too_large(limit)
        is_complete = not message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"the body is larger than {limit:,} bytes; send media by URL")
