"""A Secrets Manager over real HTTP, for tests: BatchGetSecretValue, with outages on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REGION, ACCOUNT = "eu-central-1", "123456789012"


class SecretsManagerServer:
    """Stored secrets, rejections, and recorded requests."""

    def __init__(self) -> None:
        self.secrets: dict[str, str | bytes] = {}
        self.errors: dict[str, str] = {}  # an error code for single secrets
        self.outage: tuple[int, str] | None = None  # a status and an error code for everything
        self.requests: list[list[str]] = []
        self.gate = threading.Event()  # answers wait for it
        self.gate.set()
        self.url = ""
        self._asking = threading.Condition()

    def wait_for_requests(self, number: int) -> None:
        """Return once that many requests have arrived."""
        with self._asking:
            assert self._asking.wait_for(lambda: len(self.requests) >= number, timeout=10)

    def arn(self, name: str) -> str:
        return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-AbCdEf"

    def answer(self, target: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        assert target == "secretsmanager.BatchGetSecretValue"
        with self._asking:
            self.requests.append(body["SecretIdList"])
            self._asking.notify_all()
        assert self.gate.wait(10)
        if self.outage is not None:
            status, code = self.outage
            return status, {"__type": code, "message": "refused by the test"}
        entries, errors = [], []
        for requested in body["SecretIdList"]:
            name = next(
                (n for n in self.secrets if requested in (n, self.arn(n), self.arn(n)[:-7])), requested
            )
            if code := self.errors.get(name):
                errors.append({"SecretId": requested, "ErrorCode": code, "Message": "refused by the test"})
            elif name not in self.secrets:
                errors.append(
                    {"SecretId": requested, "ErrorCode": "ResourceNotFoundException", "Message": "no"}
                )
            else:
                entries.append(self._entry(name))
        return 200, {"SecretValues": entries, "Errors": errors}

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
    """Run the server on a free port of the loopback interface."""
    server_state = SecretsManagerServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, answer = server_state.answer(self.headers["x-amz-target"], body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/x-amz-json-1.1")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server_state.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server_state
        finally:
            server_state.gate.set()
            server.shutdown()
            thread.join()
