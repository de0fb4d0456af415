"""A receiver of alerts on a real socket: it verifies signatures, and answers or dies as it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
PATH = "/hook/path-sentinel?token=query-sentinel"

Fate = int | Literal["die before", "die after"]  # a status, or a reset connection


@dataclass
class Receiver:
    """`fate` says of each post by its number, from 0, what becomes of it; posts are kept when verified."""

    fate: Callable[[int], Fate] = lambda _: 200
    url: str = ""
    posts: list[dict[str, Any]] = field(default_factory=list)  # taken: answered with 2xx, or died after
    heads: list[dict[str, str]] = field(default_factory=list)
    forged: int = 0
    tries: int = 0
    gate: threading.Event = field(default_factory=threading.Event)  # answers wait for it
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def ids(self) -> Counter[str]:
        return Counter(head["webhook-id"] for head in self.heads)

    def take(self, headers: dict[str, str], body: bytes) -> Fate:
        with self.lock:
            fate, self.tries = self.fate(self.tries), self.tries + 1
        assert self.gate.wait(20)
        with self.lock:
            if not genuine(headers, body):
                self.forged += 1
                return 401
            if fate == "die after" or (isinstance(fate, int) and 200 <= fate < 300):
                self.heads.append(headers)
                self.posts.append(json.loads(body))
        return fate


def genuine(headers: dict[str, str], body: bytes) -> bool:
    """As the specification has receivers do it."""
    named, at = headers["webhook-id"], headers["webhook-timestamp"]
    made = hmac.new(KEY, f"{named}.{at}.".encode() + body, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(made).decode()}"
    return any(hmac.compare_digest(expected, told) for told in headers["webhook-signature"].split(" "))


@contextmanager
def receiving(fate: Callable[[int], Fate] = lambda _: 200) -> Iterator[Receiver]:
    """One on a free port of the loopback interface."""
    held = Receiver(fate)
    held.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            fate = held.take({name.lower(): value for name, value in self.headers.items()}, body)
            if isinstance(fate, str):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                return
            self.send_response(fate)
            if 300 <= fate < 400:
                self.send_header("location", held.url)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        held.url = f"http://127.0.0.1:{server.server_address[1]}{PATH}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield held
        finally:
            held.gate.set()
            server.shutdown()
            thread.join()
