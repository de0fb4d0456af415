"""A receiver of webhooks on a real socket: it verifies signatures, and fails as a test demands."""

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

PostResult = int | Literal["reset before", "reset after"]  # a status, or a reset before or after accepting


@dataclass
class Receiver:
    """`respond` returns the result of each post by its number, from 0. Accepted posts are recorded."""

    respond: Callable[[int], PostResult] = lambda _: 200
    url: str = ""
    posts: list[dict[str, Any]] = field(default_factory=list)  # accepted: answered with 2xx, or "reset after"
    headers: list[dict[str, str]] = field(default_factory=list)  # of accepted posts
    invalid: int = 0  # posts without a valid signature
    tries: int = 0
    may_answer: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def ids(self) -> Counter[str]:
        return Counter(each["webhook-id"] for each in self.headers)

    def accept(self, headers: dict[str, str], body: bytes) -> PostResult:
        with self.lock:
            result, self.tries = self.respond(self.tries), self.tries + 1
        assert self.may_answer.wait(20)
        with self.lock:
            if not is_signed(headers, body):
                self.invalid += 1
                return 401
            if result == "reset after" or (isinstance(result, int) and 200 <= result < 300):
                self.headers.append(headers)
                self.posts.append(json.loads(body))
        return result


def is_signed(headers: dict[str, str], body: bytes) -> bool:
    """Verify a signature as the specification describes."""
    message_id, at = headers["webhook-id"], headers["webhook-timestamp"]
    digest = hmac.new(KEY, f"{message_id}.{at}.".encode() + body, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(digest).decode()}"
    return any(hmac.compare_digest(expected, each) for each in headers["webhook-signature"].split(" "))


@contextmanager
def run_receiver(respond: Callable[[int], PostResult] = lambda _: 200) -> Iterator[Receiver]:
    """Run a receiver on a free port of the loopback interface."""
    receiver = Receiver(respond)
    receiver.may_answer.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            result = receiver.accept({name.lower(): value for name, value in self.headers.items()}, body)
            if isinstance(result, str):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                return
            self.send_response(result)
            if 300 <= result < 400:
                self.send_header("location", receiver.url)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}{PATH}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.may_answer.set()
            server.shutdown()
            thread.join()
