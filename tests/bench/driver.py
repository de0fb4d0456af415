"""A closed-loop load driver in its own process: a job as JSON on stdin, its outcome as JSON on stdout.

It sends to loopback addresses only, and every job ends by itself.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import cast
from urllib.parse import urlsplit

from tests.bench.bodies import SHAPES

QUANTILES = (0.50, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Job:
    """Connections that send a request as soon as the previous one is complete, for some seconds."""

    url: str  # base URL
    key: str = field(repr=False)
    model: str
    connections: int = 1
    seconds: float = 1.0
    stream: bool = False
    least: int = 1  # minimum number of requests, whatever the time
    shape: str = "short"  # of the body; see tests/bench/bodies.py
    headers: Mapping[str, str] = field(default_factory=dict)  # additional ones

    def request(self) -> bytes:
        """Return the bytes of the request."""
        url = urlsplit(self.url)
        if url.hostname != "127.0.0.1":
            raise ValueError("load goes to loopback addresses only")
        fields = {"model": self.model, **SHAPES[self.shape](), **({"stream": True} if self.stream else {})}
        body = json.dumps(fields).encode()
        more = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        return (
            f"POST {url.path}/chat/completions HTTP/1.1\r\nhost: {url.netloc}\r\naccept: application/json\r\n"
            f"user-agent: bench\r\nauthorization: Bearer {self.key}\r\n{more}"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode() + body


@dataclass(slots=True)
class Outcome:
    """The result of a job, in seconds. `failures` counts responses that are incomplete or not 200."""

    requests: int = 0
    failures: int = 0
    chunks: int = 0
    seconds: float = 0.0
    latency: tuple[float, ...] = ()  # by QUANTILES
    first: tuple[float, ...] = ()  # streams: until the first byte of the body


class ResponseParser:
    """An incremental parser of one response."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.body = 0  # offset of the body
        self.complete = False
        self._length: int | None = None

    def feed(self, data: bytes) -> None:
        self.data += data
        if not self.body:
            end = self.data.find(b"\r\n\r\n")
            if end < 0:
                return
            self.body = end + 4
            self._length = _length(bytes(self.data[:end]))
        if self._length is None:
            self.complete = self.data.endswith(b"0\r\n\r\n", self.body)
        else:
            self.complete = len(self.data) - self.body >= self._length

    @property
    def has_body(self) -> bool:
        return 0 < self.body < len(self.data)

    def is_good(self, *, stream: bool) -> bool:
        marker = b"data: [DONE]" if stream else b'"choices"'
        return self.complete and self.data.startswith(b"HTTP/1.1 200 ") and marker in self.data

    @property
    def chunks(self) -> int:
        return self.data.count(b"data: {")


def _length(head: bytes) -> int | None:
    _, header, remainder = head.lower().partition(b"\r\ncontent-length:")
    return int(remainder.partition(b"\r\n")[0]) if header else None


class Load:
    """The connections of a job, and their measurements."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.request = job.request()
        self.latencies: list[float] = []
        self.firsts: list[float] = []
        self.chunks = self.failures = self.open = 0
        self.started = time.perf_counter()
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_running(self) -> bool:
        return (
            len(self.latencies) < self.job.least or time.perf_counter() - self.started < self.job.seconds
        ) and self.failures < 100

    async def run(self) -> Outcome:
        self.open = self.job.connections
        loop = asyncio.get_running_loop()
        port = urlsplit(self.job.url).port or 80
        for _ in range(self.job.connections):
            await loop.create_connection(lambda: LoadConnection(self), "127.0.0.1", port)
        await self.finished
        return Outcome(
            requests=len(self.latencies),
            failures=self.failures,
            chunks=self.chunks,
            seconds=time.perf_counter() - self.started,
            latency=quantiles(self.latencies),
            first=quantiles(self.firsts),
        )

    def connection_closed(self) -> None:
        self.open -= 1
        if not self.open and not self.finished.done():
            self.finished.set_result(None)


class LoadConnection(asyncio.Protocol):
    """One connection that sends requests one after the other."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._response: ResponseParser | None = None
        self._sent_at = self._first_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send_request()

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        response = self._response
        if response is None:
            self._load.failures += 1
            return
        response.feed(data)
        if not self._first_at and response.has_body:
            self._first_at = now
        if response.complete:
            self._record(response, now)
            self._send_request()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._response is not None:
            self._load.failures += 1
        self._load.connection_closed()

    def _send_request(self) -> None:
        if self._transport is None:
            return
        if not self._load.is_running:
            self._response = None
            self._transport.close()
            return
        self._response, self._first_at, self._sent_at = ResponseParser(), 0.0, time.perf_counter()
        self._transport.write(self._load.request)

    def _record(self, response: ResponseParser, now: float) -> None:
        load = self._load
        load.latencies.append(now - self._sent_at)
        load.failures += not response.is_good(stream=load.job.stream)
        if load.job.stream:
            load.firsts.append(self._first_at - self._sent_at)
            load.chunks += response.chunks


def quantiles(values: list[float]) -> tuple[float, ...]:
    """Return the values at QUANTILES; empty without values."""
    ordered = sorted(values)
    return tuple(ordered[round(q * (len(ordered) - 1))] for q in QUANTILES) if ordered else ()


async def drive(job: Job) -> Outcome:
    """Run a job in this process."""
    return await Load(job).run()


if __name__ == "__main__":
    gc.disable()  # pauses of the collector would count as latency of the target
    json.dump(asdict(asyncio.run(drive(Job(**json.load(sys.stdin))))), sys.stdout)
