"""Credentials from the environment, from a container's endpoint and from botocore, rotated while running."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session

from tests.aws.dynamodb_server import ScriptedDynamoDB, error, scripted_dynamodb
from tests.fakes.clock import NOON, FakeClock
from vaultcore.aws.clients import AwsClients, AwsError
from vaultcore.aws.dynamodb import DynamoDBClient
from vaultcore.aws.process_access import is_sufficient
from vaultcore.aws.process_credentials import FAILURE_AGE

pytestmark = pytest.mark.anyio
REGION = {"AWS_REGION": "eu-central-1"}
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret-of-the-example"}
FILES = {"AWS_CONFIG_FILE": "absent", "AWS_SHARED_CREDENTIALS_FILE": "absent"}
ITEM = {"TableName": "t", "Key": {}}


@dataclass(slots=True)
class ContainerEndpoint:
    """A server of credentials: key IDs are CONTAINER1, CONTAINER2, …, each valid for an hour."""

    clock: FakeClock
    dynamodb: ScriptedDynamoDB
    url: str = ""
    tokens: list[str | None] = field(default_factory=list)  # received
    body: bytes | None = None  # instead of credentials
    status: int = 200
    is_silent: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        self.tokens.append(fields.get("authorization"))
        if not self.is_silent:
            body = self.body if self.body is not None else self._credentials()
            writer.write(f"HTTP/1.1 {self.status} X\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        writer.close()
        await writer.wait_closed()

    def _credentials(self) -> bytes:
        key_id = f"CONTAINER{len(self.tokens)}"
        if self.status == 200:
            self.dynamodb.secrets = {key_id: f"secret of {key_id}"}  # only the newest one is valid
        expiry = datetime.fromtimestamp(self.clock.time + 3_600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        fields = {
            "AccessKeyId": key_id,
            "SecretAccessKey": f"secret of {key_id}",
            "Token": f"token of {key_id}",
        }
        return json.dumps({**fields, "Expiration": expiry}).encode()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedDynamoDB]:
    async with scripted_dynamodb(NOON) as server:
        yield server


@pytest.fixture
async def container(clock: FakeClock, server: ScriptedDynamoDB) -> AsyncIterator[ContainerEndpoint]:
    endpoint = ContainerEndpoint(clock, server)
    listener = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0)
    endpoint.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1/credentials?a=b"
    yield endpoint
    listener.close()
    await listener.wait_closed()


@asynccontextmanager
async def opened(
    server: ScriptedDynamoDB, clock: FakeClock, environ: dict[str, str]
) -> AsyncIterator[DynamoDBClient]:
    """Open a client with an environment of its own. It may not use botocore."""

    def no_botocore() -> Any:
        raise AssertionError("botocore is not needed")

    environ |= {**REGION, **FILES, "AWS_ENDPOINT_URL": server.url}
    client = DynamoDBClient(no_botocore, environ=environ, clock=clock)
    try:
        yield client
    finally:
        await client.aclose()


async def call(client: DynamoDBClient, server: ScriptedDynamoDB, clock: FakeClock) -> str:
    """Make a call and return the ID of the key that signed it."""
    server.time = clock.time
    await client.call("get_item", ITEM)
    return server.requests[-1].key_id


async def test_the_environment_may_change(server: ScriptedDynamoDB, clock: FakeClock) -> None:
    """Every request is signed with the credentials that the environment has then."""
    environ = dict(KEYS)
    async with opened(server, clock, environ) as client:
        first = await call(client, server, clock)
        environ |= {"AWS_ACCESS_KEY_ID": "ROTATED", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "t"}
        server.secrets = {"ROTATED": "b"}
        second = await call(client, server, clock)

    assert (first, second) == ("AKIDEXAMPLE", "ROTATED")
    assert server.requests[1].headers["x-amz-security-token"] == "t"


async def test_credentials_disappear(server: ScriptedDynamoDB, clock: FakeClock) -> None:
    """Without credentials a call fails with botocore's class name, and is not sent."""
    environ = dict(KEYS)
    async with opened(server, clock, environ) as client:
        await call(client, server, clock)
        del environ["AWS_SECRET_ACCESS_KEY"]
        with pytest.raises(AwsError, match=r"^get_item: NoCredentialsError$"):
            await client.call("get_item", ITEM)

    assert len(server.requests) == 1


@pytest.mark.parametrize("value", ["token\r\nx-evil: 1", "tökén"])
async def test_credentials_cannot_add_headers(server: ScriptedDynamoDB, clock: FakeClock, value: str) -> None:
    """Credentials with line breaks or other characters than ASCII are rejected."""
    async with opened(server, clock, {**KEYS, "AWS_SESSION_TOKEN": value}) as client:
        with pytest.raises(AwsError, match=r"^get_item: PartialCredentialsError$"):
            await client.call("get_item", ITEM)

    assert server.requests == []


async def test_a_container_endpoint(
    server: ScriptedDynamoDB, clock: FakeClock, container: ContainerEndpoint, tmp_path: Path
) -> None:
    """Credentials come from the endpoint, are cached, and are replaced a quarter of an hour before expiry.

    The token file is read each time, because Kubernetes replaces its content.
    """
    token = tmp_path / "token"
    token.write_text("first")
    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": container.url,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "not used",
    }
    ids = []
    async with opened(server, clock, environ) as client:
        for minutes in (0, 44, 2, 44, 2):
            clock.time += 60 * minutes
            ids.append(await call(client, server, clock))
            token.write_text("second")

    assert ids == ["CONTAINER1", "CONTAINER1", "CONTAINER2", "CONTAINER2", "CONTAINER3"]
    assert container.tokens == ["first", "second", "second"]
    assert all(each.is_signed for each in server.requests)
    assert server.requests[-1].headers["x-amz-security-token"] == "token of CONTAINER3"


async def test_the_token_of_a_function(
    server: ScriptedDynamoDB, clock: FakeClock, container: ContainerEndpoint
) -> None:
    """Functions with SnapStart have the token in a variable."""
    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": container.url,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Basic abc",
    }
    async with opened(server, clock, environ) as client:
        await call(client, server, clock)

    assert container.tokens == ["Basic abc"]


async def test_many_calls_load_credentials_once(
    server: ScriptedDynamoDB, clock: FakeClock, container: ContainerEndpoint
) -> None:
    """Calls that need credentials at the same time share one request to the endpoint."""
    async with opened(server, clock, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": container.url}) as client:
        await asyncio.gather(*(client.call("get_item", ITEM) for _ in range(10)))

    assert len(container.tokens) == 1


@pytest.mark.parametrize("failure", ["status", "body", "silent"])
async def test_an_endpoint_that_fails(
    server: ScriptedDynamoDB, clock: FakeClock, container: ContainerEndpoint, failure: str
) -> None:
    """While credentials are valid, a failed refresh is tried again later; after expiry calls fail."""
    ids = []
    async with opened(server, clock, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": container.url}) as client:
        ids.append(await call(client, server, clock))
        match failure:
            case "status":
                container.status = 500
            case "body":
                container.body = b"{}"
            case _:
                container.is_silent = True
        secrets = dict(server.secrets)
        for minutes in (50, 1, 8):
            clock.time += 60 * minutes
            server.secrets = secrets
            ids.append(await call(client, server, clock))
        requests_before = len(container.tokens)
        clock.time += 120
        for _ in range(3):
            with pytest.raises(AwsError, match=r"^get_item: CredentialRetrievalError$"):
                await client.call("get_item", ITEM)

        container.status, container.body, container.is_silent = 200, None, False
        clock.time += FAILURE_AGE
        ids.append(await call(client, server, clock))

    assert ids[:4] == ["CONTAINER1"] * 4
    assert ids[4] not in ids[:4]
    assert requests_before >= 4
    assert len(container.tokens) <= requests_before + 4  # the three calls after expiry shared one failure


async def test_a_stopped_endpoint(server: ScriptedDynamoDB, clock: FakeClock) -> None:
    """An endpoint without a server is tried three times."""
    environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/"}
    async with opened(server, clock, environ) as client:
        with pytest.raises(AwsError, match=r"^get_item: CredentialRetrievalError$"):
            await client.call("get_item", ITEM)

    assert clock.slept == [0.5, 0.5]


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/",
        "http://example.com/",
        "http://localhost.evil.example/",
        "file:///etc/passwd",
    ],
)
async def test_only_local_endpoints_without_tls(server: ScriptedDynamoDB, clock: FakeClock, url: str) -> None:
    """Without TLS, the token is sent to a loopback or container address only."""
    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": url,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "secret",
    }
    async with opened(server, clock, environ) as client:
        with pytest.raises(AwsError, match=r"^get_item: CredentialRetrievalError$"):
            await client.call("get_item", ITEM)

    assert clock.slept == []


async def test_expired_credentials_are_replaced(
    server: ScriptedDynamoDB, clock: FakeClock, container: ContainerEndpoint
) -> None:
    """If AWS rejects cached credentials as expired, they are loaded again and the call is repeated once."""
    async with opened(server, clock, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": container.url}) as client:
        first = await call(client, server, clock)
        server.script.append(error("ExpiredTokenException"))
        second = await call(client, server, clock)

    assert (first, second) == ("CONTAINER1", "CONTAINER2")
    assert len(server.requests) == 3


async def test_credentials_of_botocore_rotate(
    server: ScriptedDynamoDB, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a profile, botocore finds region, endpoint and credentials; calls use what it returns later."""
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    config.write_text(f"[profile p]\nregion = eu-central-1\nendpoint_url = {server.url}\n")
    credentials.write_text(
        "[p]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret-of-the-example\n"
    )
    for name in (*KEYS, *REGION, "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    environ = {
        "AWS_PROFILE": "p",
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    session = AwsClients().session
    client = DynamoDBClient(session, environ=os.environ, clock=clock)
    first = await call(client, server, clock)
    _rotate(session(), "ROTATED", "b")
    server.secrets = {"AKIDEXAMPLE": "secret-of-the-example", "ROTATED": "b"}
    second = await call(client, server, clock)
    clock.time += 61
    third = await call(client, server, clock)
    await client.aclose()

    assert (first, second, third) == ("AKIDEXAMPLE", "AKIDEXAMPLE", "ROTATED")


def _rotate(session: Session, key_id: str, secret: str) -> None:
    """Set new credentials, as botocore does after a refresh."""
    credentials = session.get_credentials()
    credentials._load().access_key, credentials._load().secret_key = key_id, secret


CONTAINER = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2"}


@pytest.mark.parametrize(
    ("environ", "is_enough"),
    [
        ({**REGION, **KEYS}, True),
        ({"AWS_DEFAULT_REGION": "eu-west-1", **KEYS}, True),
        ({**REGION, **CONTAINER}, True),
        ({**REGION, "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://localhost/"}, True),
        ({**REGION, **KEYS, "AWS_PROFILE": "p"}, False),
        ({**REGION, **KEYS, "AWS_DEFAULT_PROFILE": "p"}, False),
        ({**REGION, **KEYS, "AWS_CONFIG_FILE": __file__}, False),
        ({**REGION, **KEYS, "AWS_SHARED_CREDENTIALS_FILE": __file__}, True),
        ({**REGION, **CONTAINER, "AWS_SHARED_CREDENTIALS_FILE": __file__}, False),
        ({**REGION, **CONTAINER, "AWS_WEB_IDENTITY_TOKEN_FILE": "f"}, False),
        ({**REGION, "AWS_ACCESS_KEY_ID": "a"}, False),
        (KEYS, False),
        (REGION, False),
    ],
)
def test_when_the_environment_is_enough(environ: dict[str, str], is_enough: bool) -> None:
    """botocore is asked whenever a profile, a file or a web identity would precede the environment."""
    assert is_sufficient({**FILES, **environ}) == is_enough
