"""Repeated cold starts while one of three Secrets Manager calls fails.

Runs eight starts; set VAULTEDGE_COLD_STARTS=100 for a hundred.
"""

from __future__ import annotations

import asyncio
import json
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

import pytest

from tests.aws.secrets_manager import SecretsManagerServer
from tests.handlers.stream_process import StreamProcess, event, run_stream_process
from tests.sizes import times

STARTS = times(8, 50)
FAILURES = ("denied", "reset", "garbage", "internal", "throttled", "slow")
REFUSED = {
    "internal": (500, "InternalServiceError"),
    "throttled": (400, "ThrottlingException"),
    "denied": (400, "AccessDeniedException"),
}
MAX_REQUESTS = 20  # requests to one function


@dataclass
class FailurePlan:
    """Decides which calls fail, and how: one of every three, in seeded random order."""

    chance: random.Random = field(default_factory=lambda: random.Random(5))
    kinds: Iterator[str] = field(default_factory=lambda: cycle(FAILURES))
    next_three: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> str:
        with self.lock:
            if not self.next_three:
                self.next_three = [next(self.kinds), "good", "good"]
                self.chance.shuffle(self.next_three)
            kind = self.next_three.pop()
            self.counts[kind] += 1
            return kind


@contextmanager
def failing_proxy(secrets: SecretsManagerServer, failures: FailurePlan) -> Iterator[str]:
    """Yield the URL of a Secrets Manager proxy that fails as planned."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            kind = failures.next()
            if kind == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
                return
            if kind == "slow":
                stopping.wait(3.5)  # longer than the function waits
            if kind in REFUSED:
                status, code = REFUSED[kind]
                data = json.dumps({"__type": code, "message": "rejected by the test"}).encode()
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
            pass  # clients time out, which breaks their connections

    stopping = threading.Event()
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            stopping.set()
            server.shutdown()
            thread.join()


async def cold_start(running: StreamProcess) -> list[int]:
    """Send requests to a new process until one succeeds; return the statuses."""
    statuses: list[int] = []
    while 200 not in statuses and len(statuses) < MAX_REQUESTS:
        running.api.invoke(event("models"))
        report = await running.api.finished()
        assert report.kind == "response", report.path
        assert report.trailers == {}
        body, status = json.loads(report.content), report.head["statusCode"]
        statuses.append(status)
        if status == 200:
            assert "gpt-4o-mini" in {model["id"] for model in body["data"]}
            continue
        assert status == 503
        assert body["error"]["code"] == "vault_unavailable"
        wait = int(report.head["headers"]["retry-after"])
        assert 1 <= wait <= 60
        assert "AccessDenied" not in report.content.decode()
        await asyncio.sleep(wait)  # as a client does; the process has its own clock
    return statuses


@pytest.mark.repeated
def test_cold_starts_in_a_row(tmp_path: Path) -> None:
    """Every start responds: with 503 and Retry-After until the vault is read, without a crash."""
    failures, starts = FailurePlan(), Counter[int]()

    async def scenario() -> None:
        async with run_stream_process(tmp_path) as running:
            await running.retire()
            with failing_proxy(running.deployed.secrets, failures) as url:
                running.environ["AWS_ENDPOINT_URL"] = url
                for _ in range(STARTS):
                    await running.restart()
                    statuses = await cold_start(running)
                    starts[len(statuses)] += 1
                    assert statuses[-1] == 200
                    assert running.process.returncode is None
                    await running.retire()

            assert not [call for call in running.api.calls if call.endswith("/error")]

    asyncio.run(scenario())
    failed = failures.counts.total() - failures.counts["good"]
    print(STARTS, "starts; answers until a good one:", dict(sorted(starts.items())), dict(failures.counts))

    assert starts.total() == STARTS
    assert failed >= STARTS // 3
    assert starts[1] < STARTS
