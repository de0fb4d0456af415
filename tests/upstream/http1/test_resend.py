"""One call sends its request once: a server on raw sockets counts the requests that it has read."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field

import pytest

from tests.upstream.http1.exchanges import BODY, fetch, request_to
from vaultcore.upstream.http1.pool import Pool
from vaultcore.upstream.transport import TransportError

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@dataclass
class Server:
    """Answers the first request of the first connection; `end` decides what happens to it then."""

    end: Callable[[Server, socket.socket], None]
    socket: socket.socket
    read: list[bytes] = field(default_factory=list)  # complete requests
    connections: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                self.receive(connection)
                connection.sendall(ANSWER)
                if self.connections == 1:
                    self.end(self, connection)
            self.ended.set()

    def receive(self, connection: socket.socket) -> None:
        data = b""
        while not data.endswith(BODY):
            if not (more := connection.recv(65_536)):
                return
            data += more
        self.read.append(data)


def close_at_once(_server: Server, _connection: socket.socket) -> None: ...


def reset(_server: Server, connection: socket.socket) -> None:
    """Let close() send a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def read_then_close(server: Server, connection: socket.socket) -> None:
    server.receive(connection)


def read_then_reset(server: Server, connection: socket.socket) -> None:
    server.receive(connection)
    reset(server, connection)


def read_then_half_a_head(server: Server, connection: socket.socket) -> None:
    server.receive(connection)
    connection.sendall(ANSWER[:12])


@contextmanager
def running(end: Callable[[Server, socket.socket], None]) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(end, listening)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield server
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def call_twice(server: Server) -> list[str]:
    """Return the outcomes of two calls; between them the event loop does not run until the server acted."""
    url = f"http://127.0.0.1:{server.socket.getsockname()[1]}/"

    def wait_for_end() -> None:  # blocks the event loop: the end reaches this process's kernel only
        server.ended.wait()
        time.sleep(0.05)

    async def calls() -> list[str]:
        outcomes = []
        async with aclosing(Pool()) as http:
            for number in range(2):
                try:
                    outcomes.append(str((await fetch(http, request_to(url))).status))
                except TransportError:
                    outcomes.append("failed")
                if number == 0 and server.end in {close_at_once, reset}:
                    wait_for_end()
        return outcomes

    return asyncio.run(calls())


@pytest.mark.parametrize("end", [close_at_once, reset])
def test_a_connection_that_ended_before_the_request_is_replaced(
    end: Callable[[Server, socket.socket], None],
) -> None:
    """If a pooled connection has ended, a new one is opened, even if the event loop has not seen the end."""
    with running(end) as server:
        assert call_twice(server) == ["200", "200"]
    assert (len(server.read), server.connections) == (2, 2)


@pytest.mark.parametrize("end", [read_then_close, read_then_reset, read_then_half_a_head])
def test_a_request_that_was_read_is_not_sent_again(end: Callable[[Server, socket.socket], None]) -> None:
    """A call fails if the server reads its request and ends the connection without an answer."""
    with running(end) as server:
        assert call_twice(server) == ["200", "failed"]
    assert (len(server.read), server.connections) == (2, 1)
