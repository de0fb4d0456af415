"""Cold starts in a row while the secret store fails one time in three.

Eight of them every day; `VAULTEDGE_COLD_STARTS=100` in the environment asks for a hundred.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from typing import Any

from tests.aws.secrets_manager import SecretsManagerServer
from tests.handlers.running import Running, event, function

STARTS = int(os.environ.get("VAULTEDGE_COLD_STARTS", "8"))
FAILURES = ("denied", "reset", "garbage", "internal", "throttled", "slow")
REFUSED = {
    "internal": (500, "InternalServiceError"),
    "throttled": (400, "ThrottlingException"),
    "denied": (400, "AccessDeniedException"),
}
PATIENCE = 20  # questions to one function


@dataclass
class Weather:
    """Which question fails, and how: one of each three, a seed decides which."""

    chance: random.Random = field(default_factory=lambda: random.Random(5))
    kinds: Iterator[str] = field(default_factory=lambda: cycle(FAILURES))
    next_three: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> str:
        with self.lock:
            if not self.next_three:
                self.next_three = [next(self.kinds), "good", "good"]
                self.chance.shuffle(self.next_three)
            kind = self.next_three.pop()
            self.seen[kind] += 1
            return kind


@contextmanager
def failing(secrets: SecretsManagerServer, weather: Weather) -> Iterator[str]:
    """The URL of a Secrets Manager in front of the other, that fails as the weather is."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            kind = weather.next()
            if kind == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
                return
            if kind == "slow":
                released.wait(3.5)  # longer than is waited for
            if kind in REFUSED:
                status, code = REFUSED[kind]
                data = json.dumps({"__type": code, "message": "refused by the test"}).encode()
            else:
                status, answer = secrets.answer(self.headers["x-amz-target"], body)
                data = b"<html>" if kind == "garbage" else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/x-amz-json-1.1")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            pass  # who asks does not wait for ever

    released = threading.Event()
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            released.set()
            server.shutdown()
            thread.join()


async def answered(running: Running) -> list[int]:
    """The statuses of one cold start's answers, until one is good."""
    statuses: list[int] = []
    while 200 not in statuses and len(statuses) < PATIENCE:
        running.api.invoke(event("models"))
        report = await running.api.finished()
        assert report.kind == "response", report.path
        assert report.trailers == {}
        told, status = json.loads(report.content), report.head["statusCode"]
        statuses.append(status)
        if status == 200:
            assert "gpt-4o-mini" in {model["id"] for model in told["data"]}
            continue
        assert status == 503
        assert told["error"]["code"] == "vault_unavailable"
        wait = int(report.head["headers"]["retry-after"])
        assert 1 <= wait <= 60
        assert "AccessDenied" not in report.content.decode()
        await asyncio.sleep(wait)  # as a client does: the process has a clock of its own
    return statuses


def test_cold_starts_in_a_row(tmp_path: Path) -> None:
    """Each start answers, 503 with Retry-After until its vault could be read; none is wrong, none crashes."""
    weather, starts = Weather(), Counter[int]()

    async def scenario() -> None:
        async with function(tmp_path) as running:
            await running.retire()
            with failing(running.deployed.secrets, weather) as url:
                running.environ["AWS_ENDPOINT_URL"] = url
                for _ in range(STARTS):
                    await running.restart()
                    statuses = await answered(running)
                    starts[len(statuses)] += 1
                    assert statuses[-1] == 200
                    assert running.process.returncode is None
                    await running.retire()

            assert not [call for call in running.api.calls if call.endswith("/error")]

    asyncio.run(scenario())
    failed = weather.seen.total() - weather.seen["good"]
    print(STARTS, "starts; answers until a good one:", dict(sorted(starts.items())), dict(weather.seen))

    assert starts.total() == STARTS
    assert failed >= STARTS // 3
    assert starts[1] < STARTS
