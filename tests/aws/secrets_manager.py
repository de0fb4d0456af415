"""A Secrets Manager over real HTTP, for tests: BatchGetSecretValue, and outages on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REGION, ACCOUNT = "eu-central-1", "123456789012"


class SecretsManagerServer:
    """What is held, what is refused, and what was asked."""

    def __init__(self) -> None:
        self.secrets: dict[str, str | bytes] = {}
        self.refused: dict[str, str] = {}  # an error code for single secrets
        self.outage: tuple[int, str] | None = None  # a status and an error code for everything
        self.asked: list[list[str]] = []
        self.gate = threading.Event()  # answers wait for it
        self.gate.set()
        self.url = ""
        self._asking = threading.Condition()

    def wait_for_question(self, number: int) -> None:
        """Return once that many questions have come in."""
        with self._asking:
            assert self._asking.wait_for(lambda: len(self.asked) >= number, timeout=10)

    def arn(self, name: str) -> str:
        return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-AbCdEf"

    def answer(self, target: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        assert target == "secretsmanager.BatchGetSecretValue"
        with self._asking:
            self.asked.append(body["SecretIdList"])
            self._asking.notify_all()
        assert self.gate.wait(10)
        if self.outage is not None:
            status, code = self.outage
            return status, {"__type": code, "message": "refused by the test"}
        held, errors = [], []
        for asked in body["SecretIdList"]:
            name = next((n for n in self.secrets if asked in (n, self.arn(n), self.arn(n)[:-7])), asked)
            if code := self.refused.get(name):
                errors.append({"SecretId": asked, "ErrorCode": code, "Message": "refused by the test"})
            elif name not in self.secrets:
                errors.append({"SecretId": asked, "ErrorCode": "ResourceNotFoundException", "Message": "no"})
            else:
                held.append(self._entry(name))
        return 200, {"SecretValues": held, "Errors": errors}

    def _entry(self, name: str) -> dict[str, Any]:
        value = self.secrets[name]
        kind = {"SecretString": value} if isinstance(value, str) else {"SecretBinary": "AAEC"}
        return {
            "ARN": self.arn(name),
            "Name": name,
            "VersionId": "1" * 32,
            "VersionStages": ["AWSCURRENT"],
            **kind,
        }


@contextmanager
def secrets_manager() -> Iterator[SecretsManagerServer]:
    """One on a free port of the loopback interface."""
    held = SecretsManagerServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, answer = held.answer(self.headers["x-amz-target"], body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/x-amz-json-1.1")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        held.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield held
        finally:
            held.gate.set()
            server.shutdown()
            thread.join()
