"""The listening side of `vaultedge serve`: a socket, the HTTP server behind it and its limits."""

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

MAX_HEAD = 64 * 1024  # bytes of a request's line and headers
GRACE = 10  # seconds that answers under way are given when the server is told to stop
KEPT = 75  # seconds that an unused connection of a client is kept: longer than clients keep theirs
BACKLOG = 1_024


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Whoever connects from now on is served as soon as the server runs."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is said: 40 ms a request else.
    held = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((host, port))
        held.listen(BACKLOG)
    except socket.gaierror:
        held.close()
        raise ConfigError(f"{host!r} is no address of this machine", key="--host") from None
    except OSError as error:
        held.close()
        raise ConfigError(
            REASONS.get(error.errno or 0, "cannot be listened on"), key=f"{host}:{port}"
        ) from None
    return held


REASONS = {
    errno.EADDRINUSE: "something listens there already; another port: --port 8788, any free one: --port 0",
    errno.EACCES: "not allowed; ports below 1024 need rights: --port 8787",
    errno.EADDRNOTAVAIL: "is no address of this machine",
}


def url(held: socket.socket) -> str:
    """Where a socket can be reached from this machine: an unspecified address is shown as loopback."""
    host, port = held.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def beyond_loopback(held: socket.socket) -> bool:
    host = str(held.getsockname()[0])
    return not (host.startswith("127.") or host == "::1")


def server(app: ASGIApp) -> uvicorn.Server:
    """An HTTP server that says nothing of itself: no access log, no banner, no server header."""
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    return Server(
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
            timeout_keep_alive=KEPT,
        )
    )


def serve(app: ASGIApp, held: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM. Answers under way are given a moment, after a second signal none."""
    with held:
        asyncio.run(server(app).serve(sockets=[held]))


@contextmanager
def serving(app: ASGIApp, held: socket.socket) -> Iterator[threading.Event]:
    """Serve in the background while the context lasts; the event is set once it does no more."""
    running, ended = server(app), threading.Event()

    def work() -> None:
        try:
            asyncio.run(running.serve(sockets=[held]))
        finally:
            ended.set()

    thread = threading.Thread(target=work, name="gateway", daemon=True)
    thread.start()
    try:
        yield ended  # not the thread: a join that Ctrl-C interrupts takes the thread for dead (Python 3.11)
    finally:
        running.should_exit = True
        thread.join()
        held.close()


class Server(uvicorn.Server):
    """uvicorn's server, but that a signal which ended it is not raised again: that end is a proper one."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self._stop) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _stop(self, _signum: int, _frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def _protocol() -> type[asyncio.Protocol]:
    """The parser httptools at a third of h11's cost, with the bound on headers that it lacks; else h11."""
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:
        from uvicorn.protocols.http.h11_impl import H11Protocol

        return H11Protocol

    class Bounded(HttpToolsProtocol):
        """Closes a connection whose request's head does not end."""

        head: int | None = None  # bytes so far of a head that has begun, not counting its first piece

        def data_received(self, data: bytes) -> None:
            if self.head is not None:
                self.head += len(data)
                if self.head > MAX_HEAD:
                    self.transport.close()
                    return
            super().data_received(data)

        def on_message_begin(self) -> None:
            self.head = 0
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self.head = None
            super().on_headers_complete()

    return Bounded
