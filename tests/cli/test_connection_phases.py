"""When a client connection is overdue, by what it has sent: uvicorn's real protocol on a fake transport."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from vaultcore.cli.connections import (
    BODY_TIME,
    HEAD_TIME,
    KEEP_ALIVE,
    LINGER_TIME,
    MIN_RATE,
    UNREAD_TIME,
    ClientConnection,
    Connections,
)

GET = b"GET /early HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /read HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n"
EARLY = POST.replace(b"/read", b"/early")  # answered before its body has arrived
RUNNING = GET.replace(b"/early", b"/wait")


class Transport(asyncio.Transport):
    """A transport that remembers what is written, and that it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.ending = b"", ""

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.ending = self.ending or "closed"

    def abort(self) -> None:
        self.ending = self.ending or "aborted"

    def is_closing(self) -> bool:
        return bool(self.ending)

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/wait":
        await asyncio.Event().wait()
    if scope["path"] == "/read":
        while (await receive()).get("more_body"):
            pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


Opener = Callable[..., ClientConnection]


def with_connections(limit: int, scenario: Callable[[Opener], Awaitable[None]]) -> None:
    """Run a scenario that opens connections of one server with this limit."""

    async def run() -> None:
        config, state, connections = uvicorn.Config(app, lifespan="off"), ServerState(), Connections(limit)

        def connect() -> ClientConnection:
            connection = ClientConnection(connections, config=config, server_state=state, app_state={})
            connection.connection_made(Transport())
            return connection

        await scenario(connect)
        for task in state.tasks:
            task.cancel()
        await asyncio.gather(*state.tasks, return_exceptions=True)

    asyncio.run(run())


async def feed(connection: ClientConnection, *data: bytes) -> None:
    for each in data:
        connection.data_received(each)
        for _ in range(5):  # the application runs
            await asyncio.sleep(0)


CASES: dict[str, tuple[tuple[bytes, ...], float | None, str | None]] = {
    # what arrives, seconds until the connection is overdue, and why
    "nothing": ((), HEAD_TIME, "slow head"),
    "half a head": ((GET[:9],), HEAD_TIME, "slow head"),
    "half a head after an answer": ((GET, GET[:9]), HEAD_TIME, "slow head"),
    "line ends after an answer": ((GET, b"\r\n"), HEAD_TIME, "slow head"),
    "no body": ((POST,), BODY_TIME, "slow body"),
    "a part of a body": ((POST, b"a" * 5_000), BODY_TIME + 5_000 / MIN_RATE, "slow body"),
    "a part of a body after its answer": ((EARLY, b"a"), LINGER_TIME, "slow body"),
    "a body after its answer": ((EARLY, b"a" * 1_000_000), KEEP_ALIVE, "idle"),
    "an answered request": ((GET,), KEEP_ALIVE, "idle"),
    "a running request": ((RUNNING,), None, None),
    "a running request with another behind it": ((RUNNING, GET), None, None),
    "a request behind an answered one": ((GET + RUNNING,), None, None),
}


@pytest.mark.parametrize("name", CASES)
def test_each_phase_has_its_time(name: str) -> None:
    """A connection is overdue once its phase has taken its time, not before; a running request never is."""
    data, seconds, reason = CASES[name]

    async def scenario(connect: Opener) -> None:
        connection = connect()
        await feed(connection, *data)
        now = asyncio.get_running_loop().time()

        if seconds is None:
            assert connection.overdue(now + 86_400) is None
        else:
            assert connection.overdue(now + seconds - 0.5) is None
            assert connection.overdue(now + seconds + 0.5) == reason

    with_connections(9, scenario)


def test_a_body_that_the_gateway_does_not_read_is_not_late() -> None:
    """While the gateway reads no further, the client's time for the body does not count."""

    async def scenario(connect: Opener) -> None:
        connection = connect()
        await feed(connection, POST.replace(b"/read", b"/wait"), b"a" * 100_000)
        now = asyncio.get_running_loop().time()

        assert connection.overdue(now + 9_999) is None
        assert connection.overdue(now + 9_999 + BODY_TIME - 1) is None

    with_connections(9, scenario)


def test_an_unread_response_closes_the_connection() -> None:
    """A client that leaves a full send buffer unread is disconnected after UNREAD_TIME."""

    async def scenario(connect: Opener) -> None:
        connection = connect()
        await feed(connection, RUNNING)
        connection.pause_writing()
        now = asyncio.get_running_loop().time()
        late = connection.overdue(now + UNREAD_TIME + 1)
        connection.resume_writing()

        assert late == "unread response"
        assert connection.overdue(now + UNREAD_TIME + 1) is None

    with_connections(9, scenario)


def test_the_connection_that_waits_longest_makes_room() -> None:
    """Above the limit, silent connections close first, then idle ones, then bodies, then the newest."""

    async def scenario(connect: Opener) -> None:
        names = {"running": RUNNING, "body": POST, "idle": GET, "older": b"", "newer": b"GET"}
        connections = {name: connect() for name in names}
        for name, data in names.items():
            await feed(connections[name], data) if data else None
        ended: list[list[str]] = []
        for number in range(5):
            connections[f"new {number}"] = newest = connect()
            await feed(newest, RUNNING)
            ended.append([name for name, each in connections.items() if each.transport.is_closing()])
            for name in ended[-1]:
                connections.pop(name)

        assert ended == [["older"], ["newer"], ["idle"], ["body"], ["new 4"]]

    with_connections(5, scenario)
