"""A stream whose provider thinks for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, MutableMapping
from typing import Any

from vaultcore.web.reply import KEEP_ALIVE, EventStream


def test_r18_a_quiet_stream_is_kept_alive() -> None:
    """Comments are sent while nothing comes, none once the stream has ended, and no piece is lost."""
    sent: list[bytes] = []

    async def story() -> None:
        thought = asyncio.Event()

        async def pieces() -> AsyncGenerator[bytes, None]:
            yield b"data: 1\n\n"
            await thought.wait()
            yield b"data: 2\n\n"

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message.get("body", b"start"))
            if sent.count(KEEP_ALIVE) == 3:
                thought.set()

        async def receive() -> MutableMapping[str, Any]:
            await asyncio.Event().wait()
            raise AssertionError

        await EventStream(pieces(), {}, heartbeat=0.01)({}, receive, send)

    asyncio.run(story())

    assert sent[:2] == [b"start", b"data: 1\n\n"]
    assert sent[-2:] == [b"data: 2\n\n", b""]
    assert set(sent[2:-2]) == {KEEP_ALIVE}
