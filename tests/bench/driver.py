"""A closed-loop load driver in a process of its own: a job as JSON on stdin, what came of it on stdout.

It sends to the loopback only, and every job ends by itself.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import cast
from urllib.parse import urlsplit

PROMPT = "Say hello in five words, please."
QUANTILES = (0.50, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Job:
    """So many connections, each asking again as soon as it is answered, for so long."""

    url: str  # that before /chat/completions
    key: str = field(repr=False)
    model: str
    connections: int = 1
    seconds: float = 1.0
    stream: bool = False
    least: int = 1  # requests that are made however long they take

    def request(self) -> bytes:
        """The request, whole, as it goes out each time."""
        url = urlsplit(self.url)
        if url.hostname != "127.0.0.1":
            raise ValueError("load goes to the loopback only")
        asked: dict[str, object] = {
            "model": self.model,
            "messages": [
                {"role": "system", "content": "You are a helpful assistant."},
                {"role": "user", "content": PROMPT},
            ],
            "max_tokens": 64,
        }
        body = json.dumps({**asked, "stream": True} if self.stream else asked).encode()
        return (
            f"POST {url.path}/chat/completions HTTP/1.1\r\nhost: {url.netloc}\r\naccept: application/json\r\n"
            f"user-agent: bench\r\nauthorization: Bearer {self.key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode() + body


@dataclass(slots=True)
class Outcome:
    """What a job came to; seconds. `failures` counts answers that were not 200 or not whole."""

    requests: int = 0
    failures: int = 0
    chunks: int = 0
    seconds: float = 0.0
    latency: tuple[float, ...] = ()  # by QUANTILES
    first: tuple[float, ...] = ()  # streamed: to the first byte of the body


class Answer:
    """One response, fed piece by piece."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.body = 0  # where it begins
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
    def begun(self) -> bool:
        return 0 < self.body < len(self.data)

    def good(self, *, stream: bool) -> bool:
        told = b"data: [DONE]" if stream else b'"choices"'
        return self.complete and self.data.startswith(b"HTTP/1.1 200 ") and told in self.data

    @property
    def chunks(self) -> int:
        return self.data.count(b"data: {")


def _length(head: bytes) -> int | None:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else None


class Load:
    """The connections of a job, and what they have seen so far."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.request = job.request()
        self.latencies: list[float] = []
        self.firsts: list[float] = []
        self.chunks = self.failures = self.open = 0
        self.began = time.perf_counter()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def wanted(self) -> bool:
        return (
            len(self.latencies) < self.job.least or time.perf_counter() - self.began < self.job.seconds
        ) and self.failures < 100

    async def run(self) -> Outcome:
        self.open = self.job.connections
        loop = asyncio.get_running_loop()
        port = urlsplit(self.job.url).port or 80
        for _ in range(self.job.connections):
            await loop.create_connection(lambda: Asker(self), "127.0.0.1", port)
        await self.over
        return Outcome(
            requests=len(self.latencies),
            failures=self.failures,
            chunks=self.chunks,
            seconds=time.perf_counter() - self.began,
            latency=quantiles(self.latencies),
            first=quantiles(self.firsts),
        )

    def closed(self) -> None:
        self.open -= 1
        if not self.open and not self.over.done():
            self.over.set_result(None)


class Asker(asyncio.Protocol):
    """One connection that asks again and again."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._answer: Answer | None = None
        self._sent = self._first = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        answer = self._answer
        if answer is None:
            self._load.failures += 1
            return
        answer.feed(data)
        if not self._first and answer.begun:
            self._first = now
        if answer.complete:
            self._note(answer, now)
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None:
            self._load.failures += 1
        self._load.closed()

    def _ask(self) -> None:
        if self._transport is None:
            return
        if not self._load.wanted:
            self._answer = None
            self._transport.close()
            return
        self._answer, self._first, self._sent = Answer(), 0.0, time.perf_counter()
        self._transport.write(self._load.request)

    def _note(self, answer: Answer, now: float) -> None:
        load = self._load
        load.latencies.append(now - self._sent)
        load.failures += not answer.good(stream=load.job.stream)
        if load.job.stream:
            load.firsts.append(self._first - self._sent)
            load.chunks += answer.chunks


def quantiles(values: list[float]) -> tuple[float, ...]:
    """The values at QUANTILES; none of nothing."""
    ordered = sorted(values)
    return tuple(ordered[round(q * (len(ordered) - 1))] for q in QUANTILES) if ordered else ()


async def drive(job: Job) -> Outcome:
    """Run a job in this process."""
    return await Load(job).run()


if __name__ == "__main__":
    gc.disable()  # a job is short, and its pauses would be taken for the target's
    json.dump(asdict(asyncio.run(drive(Job(**json.load(sys.stdin))))), sys.stdout)
