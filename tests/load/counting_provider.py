"""A provider on 127.0.0.1 that counts per virtual key what the gateway sent it and what it produced.

Each prompt names its key and the time at which its client sent it: `load:KEY:SECONDS`, on the monotonic clock
of the machine.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import cast

MARK = re.compile(rb"load:(\w+):(\d+\.\d+)")
INPUT, OUTPUT = 1_000, 10_000  # nano-dollars per token
MAX_OUTPUT = 60  # tokens
DELAY = (0.005, 0.03)  # seconds
HEAD = "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{frame}\r\n\r\n"
COMMON = {"id": "chatcmpl-load", "created": 1_700_000_000, "model": "gpt-load"}


@dataclass(frozen=True, slots=True)
class Produced:
    """A response: when its client sent the request, when the request arrived, and its usage."""

    sent: float  # seconds, monotonic
    arrived: float
    prompt: int  # tokens
    completion: int

    @property
    def tokens(self) -> int:
        return self.prompt + self.completion

    @property
    def nanos(self) -> int:
        return self.prompt * INPUT + self.completion * OUTPUT


class Tally:
    """The usage that the provider produced, by key, and the most requests that ran at once."""

    def __init__(self) -> None:
        self.produced: defaultdict[str, list[Produced]] = defaultdict(list)
        self.open: Counter[str] = Counter()  # requests in progress, by key and of all keys
        self.most: Counter[str] = Counter()  # their maximum

    @contextmanager
    def counting(self, *names: str) -> Iterator[None]:
        for name in names:
            self.open[name] += 1
            self.most[name] = max(self.most[name], self.open[name])
        try:
            yield
        finally:
            self.open.subtract(names)

    def most_in_a_minute(self, key: str, count: Callable[[Produced], int]) -> int:
        """Return the largest sum of requests that were certainly admitted within 60 seconds.

        A request was admitted after its client sent it and before it arrived here.
        """
        requests = sorted(self.produced[key], key=lambda each: each.sent)
        sent = [each.sent for each in requests]
        most = 0
        for i, start in enumerate(sent):
            window = requests[i : bisect_left(sent, start + 60.0)]
            most = max(most, sum(count(each) for each in window if each.arrived < start + 60.0))
        return most


class CountingConnection(asyncio.Protocol):
    """One keep-alive connection with one request at a time."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, blank, body = self._buffer.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)", bytes(head), re.IGNORECASE)
        if not blank or length is None or len(body) < int(length[1]):
            return
        self._buffer.clear()
        task = asyncio.create_task(self._respond(bytes(body), time.monotonic()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _respond(self, body: bytes, arrived: float) -> None:
        mark = MARK.search(body)
        assert mark is not None, body
        assert self._transport is not None
        key, prompt, completion = mark[1].decode(), random.randint(1, 10), random.randint(1, MAX_OUTPUT)
        with self._tally.counting(key, "all"):
            *parts, last = render(prompt, completion, is_stream=json.loads(body).get("stream") is True)
            for part in parts:
                self._transport.write(part)
                await asyncio.sleep(random.uniform(*DELAY) / len(parts))
        self._tally.produced[key].append(Produced(float(mark[2]), arrived, prompt, completion))
        self._transport.write(last)


def render(prompt: int, completion: int, *, is_stream: bool) -> list[bytes]:
    """Return the parts of a response; the last one completes it."""
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    if not is_stream:
        message = {"role": "assistant", "content": "A short answer."}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = json.dumps({**COMMON, "object": "chat.completion", "choices": [choice], "usage": usage})
        head = HEAD.format(kind="application/json", frame=f"content-length: {len(body)}")
        return [head.encode(), body.encode()]
    chunk = {**COMMON, "object": "chat.completion.chunk"}
    deltas = [{"role": "assistant", "content": ""}, {"content": "A short "}, {"content": "answer."}]
    choices = [{"index": 0, "delta": each, "finish_reason": None} for each in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    events = [json.dumps({**chunk, "choices": [each]}) for each in choices]
    events += [json.dumps({**chunk, "choices": [], "usage": usage}), "[DONE]"]
    framed = [f"data: {each}\n\n".encode() for each in events]
    chunks = [b"%x\r\n%b\r\n" % (len(each), each) for each in framed]
    head = HEAD.format(kind="text/event-stream", frame="transfer-encoding: chunked").encode()
    return [head, *chunks[:-2], chunks[-2] + chunks[-1] + b"0\r\n\r\n"]


@asynccontextmanager
async def counting_provider() -> AsyncIterator[tuple[str, Tally]]:
    """Serve the provider in this event loop; yield its base URL and its tally."""
    tally = Tally()
    server = await asyncio.get_running_loop().create_server(
        lambda: CountingConnection(tally), "127.0.0.1", 0, backlog=512
    )
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", tally
    finally:
        server.close()
