"""A worker process: serves until its parent closes the channel between them, or has died."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from vaultcore.cli import listener
from vaultcore.cli.lifespan import MaintainedApp
from vaultcore.cli.workers.balance import Share
from vaultcore.services import Services
from vaultcore.shutdown import Shutdown

READY = b"r"  # what a worker sends when it accepts connections


class WorkerServer(listener.GracefulServer):
    """A server that reports when it has started. Signals stop it with the full grace period each time.

    A terminal and a service manager send their signals to workers too: a second one must not hurry.
    """

    def __init__(self, config: uvicorn.Config, shutdown: Shutdown) -> None:
        super().__init__(config, shutdown)
        self.on_started: Callable[[], object] = bool

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_started()

    def stop(self) -> None:
        """Stop with the grace period."""
        self.should_exit = True

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
    asyncio.run(_serve(server, server_socket, channel, share))


async def _serve(
    server: WorkerServer, server_socket: listener.ListeningSocket, channel: socket.socket, share: Share
) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        loop.remove_reader(channel)
        server.stop()

    def report() -> None:
        share.join()
        channel.send(READY)

    server.on_started = report
    loop.add_reader(channel, stop)  # the parent sends nothing: the channel is readable once it is closed
    await server.serve(sockets=[server_socket])
