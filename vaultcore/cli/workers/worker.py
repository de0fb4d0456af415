"""A worker process: serves until its parent closes the channel between them, or has died.

It first completes its requests if it is replaced: the parent sends DRAIN when the successor is ready.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from time import monotonic
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from vaultcore.cli import listener
from vaultcore.cli.connections import Connections
from vaultcore.cli.lifespan import MaintainedApp
from vaultcore.cli.workers.balance import Share
from vaultcore.services import Services
from vaultcore.shutdown import Shutdown

READY = b"r"  # what a worker sends when it accepts connections
DRAIN = b"d"  # what the parent sends to a worker that is replaced
DRAIN_TIME = 3.0  # seconds in which a connection of a replaced worker may send a last request
LONGEST_DRAIN = 930.0  # seconds: more than the longest stream
POLL = 0.1  # seconds


class WorkerServer(listener.GracefulServer):
    """A server that reports when it has started. Signals stop it with the full grace period each time.

    A terminal and a service manager send their signals to workers too: a second one must not hurry.
    """

    def __init__(self, config: uvicorn.Config, shutdown: Shutdown, connections: Connections) -> None:
        super().__init__(config, shutdown, connections)
        self.on_started: Callable[[], object] = bool
        self._is_draining = self._must_stop = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_started()

    def stop(self) -> None:
        """Stop with the grace period."""
        self.should_exit = self._must_stop = True

    def drain(self) -> None:
        """Stop without a grace period: when all requests are complete."""
        self.should_exit = self._is_draining = True
        self._connections.drain_time = DRAIN_TIME

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._is_draining:
            for server in self.servers:
                server.close()  # stops to accept, and closes the socket
            for connection in tuple(self.server_state.connections):
                connection.shutdown()
            end = monotonic() + LONGEST_DRAIN
            while self.server_state.connections and not self._must_stop and monotonic() < end:  # noqa: ASYNC110
                await asyncio.sleep(POLL)  # uvicorn signals no end of a connection
        await super().shutdown(sockets)

    def _stop(self, _signum: int, _frame: FrameType | None) -> None:
        self.stop()


def serve_as_worker(
    app: ASGIApp,
    services: Services,
    server_socket: listener.ListeningSocket,
    channel: socket.socket,
    share: Share,
    *,
    is_maintainer: bool,
) -> None:
    """Serve until the parent closes the channel. `app` and `services` have not been used before.

    One worker is the maintainer: it also runs the maintenance that all processes share.
    """
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # until the server handles the first two
    server_socket.share = share
    maintained = MaintainedApp(app, services, is_maintainer=is_maintainer)
    server = listener.server(maintained, server_socket, services.shutdown, WorkerServer)
    asyncio.run(_serve(server, maintained, server_socket, channel, share))


async def _serve(
    server: WorkerServer,
    maintained: MaintainedApp,
    server_socket: listener.ListeningSocket,
    channel: socket.socket,
    share: Share,
) -> None:
    loop = asyncio.get_running_loop()

    def hear() -> None:
        if channel.recv(64) == DRAIN:
            maintained.end_maintenance()
            server.drain()
        else:
            loop.remove_reader(channel)
            server.stop()

    def report() -> None:
        share.join()
        channel.send(READY)

    server.on_started = report
    loop.add_reader(channel, hear)  # it is readable, too, when the parent closes it or has died
    await server.serve(sockets=[server_socket])
