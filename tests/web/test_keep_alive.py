"""Keep-alive comments of a stream whose provider is silent for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, MutableMapping
from typing import Any

from vaultcore.streams.framing import SseFraming
from vaultcore.web.reply import EventStream


def test_r18_a_quiet_stream_gets_keep_alive_comments() -> None:
    """Comments are sent while the provider sends nothing, none after the end of the stream, and no chunk is
    lost."""
    sent: list[bytes] = []

    async def scenario() -> None:
        finished = asyncio.Event()

        async def chunks() -> AsyncGenerator[bytes, None]:
            yield b"data: 1\n\n"
            await finished.wait()
            yield b"data: 2\n\n"

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message.get("body", b"start"))
            if sent.count(SseFraming.keep_alive) == 3:
                finished.set()

        async def receive() -> MutableMapping[str, Any]:
            await asyncio.Event().wait()
            raise AssertionError

        await EventStream(chunks(), {}, SseFraming(), heartbeat=0.01)({}, receive, send)

    asyncio.run(scenario())

    assert sent[:2] == [b"start", b"data: 1\n\n"]
    assert sent[-2:] == [b"data: 2\n\n", b""]
    assert set(sent[2:-2]) == {SseFraming.keep_alive}
