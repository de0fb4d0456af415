"""Random calls of every client API, with files, searches and routes, and clients that hang up."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from vaultcore.simulators.faults import InjectedFault

Json = dict[str, Any]
Ending = Literal["read", "hang up in the stream", "hang up before the response"]

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
FILE: dict[str, Json] = {  # a file by id
    CHAT: {"type": "file", "file": {"file_id": "file-1"}},
    MESSAGES: {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
    RESPONSES: {"type": "input_file", "file_id": "file-1"},
}
SEARCH: dict[str, Json] = {  # fields that turn on web searches
    CHAT: {"web_search_options": {}},
    MESSAGES: {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 5}]},
    RESPONSES: {"tools": [{"type": "web_search"}]},
}
OWN: dict[str, tuple[str, ...]] = {  # providers that accept files and searches of a client API
    CHAT: ("openai/gpt-4o", "openai/gpt-4o-mini", "gemini/gemini-2.5-flash"),
    MESSAGES: ("anthropic/claude-sonnet-4-5", "anthropic/claude-haiku-4-5"),
    RESPONSES: ("openai/gpt-4.1", "responses/gpt-4o"),
}
MARK = re.compile(r"call (\w+-\d+)\b")
IMPLAUSIBLE = ((10**9, 5), (7, 10**9), (-5, 3), (7, -1), (10**15, 3), (7, 10**18))
ERRORS = (400, 404, 429, 500, 503, 529)


@dataclass(frozen=True, slots=True)
class MixedCall:
    """One call of a client."""

    mark: str  # names the call in its prompt
    path: str
    model: str
    stream: bool
    extra: Literal["file", "search"] | None
    ending: Ending
    events: int  # of the stream, before the client hangs up

    def body(self) -> Json:
        text = f"call {self.mark}: what is the weather?"
        part: Json = {"type": "input_text" if self.path == RESPONSES else "text", "text": text}
        content = [part, FILE[self.path]] if self.extra == "file" else text
        name = "input" if self.path == RESPONSES else "messages"
        limit = "max_output_tokens" if self.path == RESPONSES else "max_tokens"
        more = SEARCH[self.path] if self.extra == "search" else {}
        turn = {"role": "user", "content": content}
        return {"model": self.model, "stream": self.stream, name: [turn], limit: 64, **more}


def draw_call(generator: random.Random, mark: str, models: list[str]) -> MixedCall:
    """Return a random call of one of the models and routes."""
    path = generator.choice([*FILE])
    extra = generator.choice(("file", "search", None, None))
    is_streaming = generator.random() < 0.6
    endings: list[Ending] = ["read"] * 8 + ["hang up before the response"]
    endings += ["hang up in the stream"] * 3 if is_streaming else []
    return MixedCall(
        mark,
        path,
        generator.choice(OWN[path] if extra and generator.random() < 0.9 else models),
        is_streaming,
        extra,
        generator.choice(endings),
        generator.randint(1, 12),
    )


def draw_fault(generator: random.Random, number: int) -> InjectedFault:
    """Return what a provider does with its next request: mostly a plausible usage, different each time."""
    usage = (1_000 + number, generator.randint(0, 4_000))
    delay = generator.choice((0.0, 0.0, 0.005, 0.02))
    match generator.randrange(20):
        case 0 | 1:
            return InjectedFault(status=generator.choice(ERRORS))
        case 2 | 3 | 4:
            return InjectedFault(usage=usage, delay=delay, cut_after=generator.randint(0, 12))
        case 5:
            return InjectedFault(usage=generator.choice(IMPLAUSIBLE), delay=delay)
        case _:
            return InjectedFault(usage=usage, delay=delay, searches=generator.randint(0, 5))


async def send(
    url: str, token: str, call: MixedCall, has_arrived: Callable[[], Awaitable[None]]
) -> tuple[int | None, bytes]:
    """Send a call over a connection of its own; return status and body, (None, b"") after a hang-up.

    `has_arrived` waits until a provider has the request, or until there is a response.
    """
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(_render(call, parts.netloc, token))
        if call.ending == "hang up before the response":
            await has_arrived()
            return None, b""
        if call.ending == "hang up in the stream" and not await _read_events(reader, call.events):
            return None, b""
        received = await reader.read(-1)
        status = int(received[9:12]) if received else None
        return status, received
    finally:
        writer.transport.abort() if call.ending != "read" else writer.close()


async def _read_events(reader: asyncio.StreamReader, count: int) -> bool:
    """Read some events of a stream; return True if the response ended before."""
    while count:
        line = await reader.readline()
        if not line:
            return True
        count -= line.startswith(b"data:")
    return False


def _render(call: MixedCall, host: str, token: str) -> bytes:
    body = json.dumps(call.body()).encode()
    return (
        f"POST {call.path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n"
        f"content-type: application/json\r\n"
        f"authorization: Bearer {token}\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body
