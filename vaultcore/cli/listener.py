"""The listening socket and the HTTP server of `vaultedge serve`, with their limits."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from vaultcore.errors import ConfigError

MAX_HEAD = 64 * 1024  # bytes of the request line and headers
GRACE = 10  # seconds for running responses after a stop signal
KEEP_ALIVE = 75  # seconds before an idle client connection is closed: longer than clients keep theirs
BACKLOG = 1_024  # connections waiting to be accepted


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; clients can connect before the server runs. Raise ConfigError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio disables Nagle's algorithm only for IPPROTO_TCP; otherwise each request takes 40 ms longer.
    server_socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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
    host = str(server_socket.getsockname()[0])
    return not (host.startswith("127.") or host == "::1")


def server(app: ASGIApp) -> uvicorn.Server:
    """Return an HTTP server without access log, banner and server header."""
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    return GracefulServer(
        uvicorn.Config(
            app,
            http=_protocol(),
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=MAX_HEAD,
            timeout_graceful_shutdown=GRACE,
            timeout_keep_alive=KEEP_ALIVE,
        )
    )


def serve(app: ASGIApp, server_socket: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM. Running responses get GRACE seconds; a second signal stops at once."""
    with server_socket:
        asyncio.run(server(app).serve(sockets=[server_socket]))


@contextmanager
def serving(app: ASGIApp, server_socket: socket.socket) -> Iterator[threading.Event]:
    """Serve in a background thread inside the context. Yields an event that is set when the server stops."""
    running, ended = server(app), threading.Event()

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
    """uvicorn's server, except that it does not raise the stop signal again after a clean shutdown."""

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


def _protocol() -> type[asyncio.Protocol]:
    """Return the HTTP protocol class: httptools with a header limit if installed, otherwise h11.

    httptools takes a third of h11's CPU time but has no header limit of its own.
    """
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:
        from uvicorn.protocols.http.h11_impl import H11Protocol

        return H11Protocol

    class HeaderLimitProtocol(HttpToolsProtocol):
        """Closes a connection whose request head exceeds MAX_HEAD."""

        head: int | None = None  # bytes of the current head after its first chunk; None outside a head

        def data_received(self, data: bytes) -> None:
            if self.head is not None:
                self.head += len(data)
            super().data_received(data)
            # Checked after parsing: if the head ended in `data`, the rest of `data` is body.
            if self.head is not None and self.head > MAX_HEAD:
                self.transport.close()

        def on_message_begin(self) -> None:
            self.head = 0
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self.head = None
            super().on_headers_complete()

    return HeaderLimitProtocol
