"""Clients that send one request after the other over their own connections."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.load.counting_provider import MAX_OUTPUT

PAUSE = 0.25  # seconds after a refusal
LIMIT = 1 << 20  # bytes of a response


@dataclass(slots=True)
class Load:
    """The clients of all keys, and what they received."""

    urls: Sequence[str]  # of gateways; clients use them in turn
    tokens: Mapping[str, str] = field(repr=False)  # by the name of a key
    clients: int  # per key
    total: int  # successful responses of all keys at which the load ends
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    successes: int = 0

    @property
    def requests(self) -> int:
        return sum(sum(each.values()) for each in self.statuses.values())

    async def run(self) -> None:
        """Run until `total` responses were successful, or something went wrong."""
        async with asyncio.TaskGroup() as group:
            for name in self.tokens:
                self.statuses[name] = Counter()
                for number in range(self.clients):
                    group.create_task(self._run_client(name, self.urls[number % len(self.urls)], number))

    async def _run_client(self, name: str, url: str, number: int) -> None:
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=LIMIT)
        turn = number
        try:
            while self.successes < self.total and not self.faults:
                turn += 1
                writer.write(self._request(name, parts.netloc, is_stream=turn % 2 == 0))
                status, head, body = await read_response(reader)
                self._count(name, status, head, body)
                if status != 200:
                    await asyncio.sleep(PAUSE)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.faults.append(f"{name}: {error!r}")
        finally:
            writer.close()

    def _request(self, name: str, host: str, *, is_stream: bool) -> bytes:
        content = f"Please answer in a few words: what is this test about? load:{name}:{time.monotonic():.6f}"
        fields = {"model": "load/gpt-load", "max_tokens": MAX_OUTPUT, "stream": is_stream}
        body = json.dumps({**fields, "messages": [{"role": "user", "content": content}]}).encode()
        return (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {self.tokens[name]}\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode() + body

    def _count(self, name: str, status: int, head: bytes, body: bytes) -> None:
        self.statuses[name][status] += 1
        is_complete = body.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n") if b"event-stream" in head else True
        if status not in (200, 402, 429) or not is_complete:
            self.faults.append(f"{name}: {status} {body[-300:]!r}")
        self.successes += status == 200


async def read_response(reader: asyncio.StreamReader) -> tuple[int, bytes, bytes]:
    """Return status, head and raw body of a response."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = re.search(rb"\r\ncontent-length: *(\d+)", head)
    body = await (reader.readexactly(int(length[1])) if length else reader.readuntil(b"0\r\n\r\n"))
    return int(head[9:12]), head, body
