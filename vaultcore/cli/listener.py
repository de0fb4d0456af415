"""The listening socket and the HTTP server of `vaultedge serve`, with their limits."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import uvicorn
from starlette.types import ASGIApp

from vaultcore.cli.connections import (
    ClientConnection,
    Connections,
    connection_limit,
    raise_descriptor_limit,
)
from vaultcore.errors import ConfigError
from vaultcore.settings import Settings
from vaultcore.shutdown import Shutdown
from vaultcore.web.cors import ANY

if TYPE_CHECKING:
    from vaultcore.cli.workers.balance import Share

GRACE = 10  # seconds for running responses after a stop signal
ENDING_TIME = 3  # seconds for the errors of responses that are still running then
BACKLOG = 1_024  # connections waiting to be accepted
ACCEPT_BATCH = 64  # connections accepted in one step of the event loop
AnyServer = TypeVar("AnyServer", bound=uvicorn.Server)
NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class ListeningSocket(socket.socket):
    """A listening socket that closes a new connection at once if the process has no descriptor left.

    asyncio would log an error for each of BACKLOG attempts to accept, and try again every second.
    """

    def __init__(self, family: int) -> None:
        # asyncio disables Nagle's algorithm only for IPPROTO_TCP; otherwise each request takes 40 ms longer.
        super().__init__(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._spare = os.open(os.devnull, os.O_RDONLY)
        self.on_refused: Callable[[], object] = int
        self.share: Share | None = None  # of a worker, if several processes accept from this socket

    def listen(self, _backlog: int = BACKLOG, /) -> None:
        super().listen(BACKLOG)  # asyncio passes the number that it accepts in one step

    def accept(self) -> tuple[socket.socket, Any]:
        if self.share is not None and not self.share.may_accept():
            raise BlockingIOError
        try:
            accepted = super().accept()
        except OSError as error:
            if error.errno not in NO_DESCRIPTORS:
                raise
        else:
            if self.share is not None:
                self.share.add()
            return accepted
        os.close(self._spare)
        try:
            super().accept()[0].close()
        finally:
            self._spare = os.open(os.devnull, os.O_RDONLY)
        self.on_refused()
        raise BlockingIOError

    def close(self) -> None:
        if self.share is not None:
            self.share.leave()
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
        super().close()


def listen(host: str, port: int) -> ListeningSocket:
    """Return a listening socket; clients can connect before the server runs. Raise ConfigError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server_socket = ListeningSocket(family)
    try:
        server_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server_socket.bind((host, port))
        server_socket.listen(BACKLOG)
    except socket.gaierror:
        server_socket.close()
        raise ConfigError(f"{host!r} is not an address of this machine", key="--host") from None
    except OSError as error:
        server_socket.close()
        raise ConfigError(
            REASONS.get(error.errno or 0, "cannot listen on this address"), key=f"{host}:{port}"
        ) from None
    return server_socket


REASONS = {
    errno.EADDRINUSE: "already in use: choose another port with --port 8788, or any free port with --port 0",
    errno.EACCES: "not allowed: ports below 1024 need privileges; use --port 8787",
    errno.EADDRNOTAVAIL: "not an address of this machine",
}


def url(server_socket: socket.socket) -> str:
    """Return the socket's URL on this machine; an unspecified address becomes the loopback address."""
    host, port = server_socket.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_public(server_socket: socket.socket) -> bool:
    """Return True if the socket listens on another address than loopback."""
    return not _is_loopback(str(server_socket.getsockname()[0]))


def with_local_defaults(settings: Settings) -> Settings:
    """Return the settings with the defaults of a gateway that only this machine can reach, if it is one.

    Browser pages of any origin may use it then, with a key, and Google's clients may send a virtual key in
    the query.
    """
    if not _is_loopback(settings.host):
        return settings
    origins = (ANY,) if settings.cors_origins is None else settings.cors_origins
    return replace(settings, cors_origins=origins, query_keys=settings.query_keys is not False)


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


def server(
    app: ASGIApp,
    server_socket: ListeningSocket,
    shutdown: Shutdown,
    kind: Callable[[uvicorn.Config, Shutdown, Connections], AnyServer],
) -> AnyServer:
    """Return an HTTP server of a class, without access log, banner and server header."""
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # it warns of every invalid request
    connections = Connections(connection_limit(raise_descriptor_limit()))
    server_socket.on_refused = connections.no_descriptor
    if server_socket.share is not None:
        connections.on_count = server_socket.share.report
    config = uvicorn.Config(
        app,
        http=cast(type[asyncio.Protocol], partial(ClientConnection, connections)),
        backlog=ACCEPT_BATCH,
        ws="none",
        interface="asgi3",  # not found by itself if __call__ is a function that returns a coroutine
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE + 2 * ENDING_TIME,
    )
    return kind(config, shutdown, connections)


def serve(app: ASGIApp, server_socket: ListeningSocket, shutdown: Shutdown) -> None:
    """Serve until SIGINT or SIGTERM. Running responses get GRACE seconds; a second signal stops at once."""
    with server_socket:
        asyncio.run(server(app, server_socket, shutdown, GracefulServer).serve(sockets=[server_socket]))


@contextmanager
def serving(app: ASGIApp, server_socket: ListeningSocket, shutdown: Shutdown) -> Iterator[threading.Event]:
    """Serve in a background thread inside the context. Yields an event that is set when the server stops."""
    running, ended = server(app, server_socket, shutdown, GracefulServer), threading.Event()

    def work() -> None:
        try:
            asyncio.run(running.serve(sockets=[server_socket]))
        finally:
            ended.set()

    thread = threading.Thread(target=work, name="gateway", daemon=True)
    thread.start()
    try:
        yield ended  # not the thread: Python 3.11 marks it as dead if Ctrl-C interrupts join()
    finally:
        running.should_exit = True
        thread.join()
        server_socket.close()


class GracefulServer(uvicorn.Server):
    """uvicorn's server, except that it ends requests with errors after GRACE seconds.

    It does not raise the stop signal again after a clean shutdown.
    """

    def __init__(self, config: uvicorn.Config, shutdown: Shutdown, connections: Connections) -> None:
        super().__init__(config)
        self._shutdown, self._connections = shutdown, connections

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        ending = asyncio.create_task(self._end_requests())
        await super().shutdown(sockets)
        ending.cancel()

    async def _end_requests(self) -> None:
        await asyncio.sleep(GRACE)
        self._shutdown.end_requests()
        await asyncio.sleep(ENDING_TIME)
        for connection in tuple(self.server_state.connections):  # clients that do not read their response
            connection.transport.abort()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {each: signal.signal(each, self._stop) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in previous.items():
                signal.signal(each, handler)

    def _stop(self, _signum: int, _frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True
