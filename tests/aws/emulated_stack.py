"""A stack with our outputs in an emulated AWS, behind a proxy that rejects calls on demand."""

from __future__ import annotations

import atexit
import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from tests.store.ministack import EmulatedTable, emulator, session

SYSTEM_KEY = "ve-" + "0123456789abcdef" * 3
ADMIN_KEY = "va-" + "fedcba9876543210" * 3
PEPPER = "0f1e2d3c4b5a6978" * 4
SECRETS = {
    "VaultSecretId": "empty",
    "VaultPasswordSecretId": "empty",
    "SystemKeySecretId": json.dumps({"prefix": "ve-", "key": SYSTEM_KEY[3:]}),
    "AdminKeySecretId": json.dumps({"prefix": "va-", "key": ADMIN_KEY[3:]}),
    "PepperSecretId": PEPPER,
}
_numbers = count(1)


@dataclass
class AwsProxy:
    """Records calls to AWS, or rejects those that match a rule."""

    url: str = ""
    rejections: dict[tuple[str, str], str] = field(default_factory=dict)  # (action, part of the body): code
    calls: list[tuple[str, str]] = field(default_factory=list)  # (action, body)

    def check(self, action: str, body: str) -> str | None:
        for (rejected, part), code in self.rejections.items():
            if rejected == action and part in body:
                return code
        self.calls.append((action, body))
        return None

    def put(self) -> list[str]:
        """Return the IDs of the secrets that were put, in order."""
        return [json.loads(body)["SecretId"] for action, body in self.calls if action == "PutSecretValue"]


@dataclass
class EmulatedStack:
    """One stack and its access."""

    name: str
    proxy: AwsProxy
    outputs: dict[str, str]

    @property
    def environ(self) -> dict[str, str]:
        return EmulatedTable(self.proxy.url, "").environ

    def client(self, service: str) -> Any:
        return _client(service)

    def read(self, output: str) -> str:
        """Return a secret's current text."""
        secret = _client("secretsmanager").get_secret_value(SecretId=self.outputs[output])
        return str(secret["SecretString"])

    def write(self, output: str, text: str) -> None:
        _client("secretsmanager").put_secret_value(SecretId=self.outputs[output], SecretString=text)

    def forget_and_restore(self) -> None:
        """Enable TTL and recovery, which the emulator's CloudFormation ignores."""
        client, name = _client("dynamodb"), self.outputs["TableName"]
        client.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"AttributeName": "exp", "Enabled": True}
        )
        client.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )


@contextmanager
def emulated_stack(base_url: str = "https://gateway.invalid/prod/v1") -> Iterator[EmulatedStack]:
    """Create a stack with an empty vault in this process's emulator."""
    name = f"stack-{next(_numbers)}"
    with _proxy() as proxy:
        client = _client("cloudformation")
        client.create_stack(StackName=name, TemplateBody=json.dumps(_template(base_url)))
        until = time.monotonic() + 20
        while (stack := client.describe_stacks(StackName=name)["Stacks"][0])["StackStatus"] != (
            "CREATE_COMPLETE"
        ):
            assert time.monotonic() < until, stack["StackStatus"]
            time.sleep(0.02)  # the emulator's own work, which nothing announces
        yield EmulatedStack(
            name, proxy, {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        )


@cache
def _client(service: str) -> Any:
    client = session(emulator())().create_client(service)
    atexit.register(client.close)
    return client


def _template(base_url: str) -> dict[str, Any]:
    secrets = {
        output.removesuffix("Id"): {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {"SecretString": text},
        }
        for output, text in SECRETS.items()
    }
    table = {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    }
    outputs: dict[str, Any] = {output: {"Value": {"Ref": output.removesuffix("Id")}} for output in SECRETS}
    outputs |= {
        "TableName": {"Value": {"Ref": "Table"}},
        "BaseUrl": {"Value": base_url},
        "ConsoleUrl": {"Value": base_url.replace("/v1", "/console/")},
        "StreamFunctionName": {"Value": "stream-function"},
    }
    return {
        "Resources": {**secrets, "Table": {"Type": "AWS::DynamoDB::Table", "Properties": table}},
        "Outputs": outputs,
    }


@contextmanager
def _proxy() -> Iterator[AwsProxy]:
    proxy, emulator_url = AwsProxy(), urlsplit(emulator())

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            text = body.decode()
            target = self.headers.get("x-amz-target", "")
            action = target.rpartition(".")[2] or text.partition("Action=")[2].partition("&")[0]
            if code := proxy.check(action, text):
                self._answer(400, _refusal(code, json=bool(target)), "text/xml")
                return
            upstream = http.client.HTTPConnection(str(emulator_url.hostname), emulator_url.port, timeout=20)
            try:
                upstream.request("POST", self.path, body, dict(self.headers.items()))
                answer = upstream.getresponse()
                self._answer(answer.status, answer.read(), answer.headers["content-type"])
            finally:
                upstream.close()

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()


def _refusal(code: str, *, json: bool) -> bytes:
    if json:
        return f'{{"__type": "{code}", "message": "refused by the test"}}'.encode()
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>refused by the test</Message></Error>"
    return f"<ErrorResponse>{error}</ErrorResponse>".encode()
