"""A forward proxy on a real socket: it answers CONNECT and connects every tunnel to one address.

with FakeProxy(provider.base_url) as proxy:
    ...                       # set HTTPS_PROXY to proxy.url
    assert proxy.tunnels == ["provider.test:443"]
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class FakeProxy:
    def __init__(self, destination: str, *, status: int = 200, authorization: str | None = None) -> None:
        """`status` answers every CONNECT; with `authorization`, requests without that value get 407."""
        parts = urlsplit(destination)
        self._destination = (parts.hostname or "", parts.port or 0)
        self._status, self._authorization = status, authorization
        self.tunnels: list[str] = []  # authorities of all CONNECT requests
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                if not (data := client.recv(4_096)):
                    return
                head += data
            lines = head.decode().split("\r\n")
            self.tunnels.append(lines[0].split()[1])
            status = self._status
            if self._authorization and f"proxy-authorization: {self._authorization}" not in lines:
                status = 407
            client.sendall(f"HTTP/1.1 {status} Whatever\r\ncontent-length: 0\r\n\r\n".encode())
            if status == 200:
                with socket.create_connection(self._destination) as provider:
                    thread = threading.Thread(target=_copy, args=(provider, client), daemon=True)
                    thread.start()
                    _copy(client, provider)
                    thread.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
