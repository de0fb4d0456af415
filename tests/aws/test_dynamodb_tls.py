from __future__ import annotations

from pathlib import Path

import pytest

from tests.aws.dynamodb_server import scripted_dynamodb
from tests.fakes.clock import NOON, FakeClock
from tests.upstream.http1.test_pool import server_context
from vaultcore.aws.clients import AwsClients, AwsError
from vaultcore.aws.dynamodb import DynamoDBClient, DynamoDBNoAnswer

pytestmark = pytest.mark.anyio
GET = {"TableName": "t", "Key": {}}
ENVIRON = {
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-example",
    "AWS_CONFIG_FILE": "absent",
}


def client_of(url: str, **environ: str) -> DynamoDBClient:
    return DynamoDBClient(environ={**ENVIRON, "AWS_ENDPOINT_URL": url, **environ}, clock=FakeClock(NOON))


@pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
async def test_a_ca_bundle(tmp_path: Path, name: str) -> None:
    """With AWS_CA_BUNDLE the certificates of that file are trusted, and connections are reused."""
    async with scripted_dynamodb(NOON, server_context(tmp_path, "127.0.0.1")) as server:
        client = client_of(server.url, **{name: str(tmp_path / "ca.pem")})
        for _ in range(3):
            await client.call("get_item", GET, repeat=False)
        await client.aclose()

    assert [(each.connection, each.is_signed) for each in server.requests] == [(1, True)] * 3


async def test_a_ca_bundle_of_a_configuration_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If botocore finds the configuration, its `ca_bundle` applies too."""
    config = tmp_path / "config"
    config.write_text(f"[default]\nregion = eu-central-1\nca_bundle = {tmp_path / 'ca.pem'}\n")
    async with scripted_dynamodb(NOON, server_context(tmp_path, "127.0.0.1")) as server:
        environ = {**ENVIRON, "AWS_CONFIG_FILE": str(config), "AWS_ENDPOINT_URL": server.url}
        monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        client = DynamoDBClient(AwsClients().session, environ=environ, clock=FakeClock(NOON))
        await client.call("get_item", GET, repeat=False)
        await client.aclose()

    assert [each.is_signed for each in server.requests] == [True]


@pytest.mark.parametrize("is_trusted", [False, True])
async def test_an_invalid_certificate(tmp_path: Path, is_trusted: bool) -> None:
    """An untrusted certificate, or one of another host, fails the call before anything is sent."""
    context = server_context(tmp_path, "elsewhere.test" if is_trusted else "127.0.0.1")
    async with scripted_dynamodb(NOON, context) as server:
        client = client_of(server.url, **({"AWS_CA_BUNDLE": str(tmp_path / "ca.pem")} if is_trusted else {}))
        with pytest.raises(DynamoDBNoAnswer) as caught:
            await client.call("get_item", GET)
        await client.aclose()

    assert (caught.value.code, caught.value.is_ambiguous) == ("SSLError", False)
    assert server.requests == []


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({"AWS_CA_BUNDLE": "absent.pem"}, "InvalidCABundle"),
        ({"AWS_ENDPOINT_URL": "ftp://host"}, "InvalidEndpoint"),
        ({"AWS_REGION": "no region"}, "InvalidEndpoint"),
    ],
)
async def test_an_invalid_configuration(environ: dict[str, str], code: str) -> None:
    """An invalid variable is reported by every call, not replaced by a default."""
    client = DynamoDBClient(environ={**ENVIRON, **environ})
    for _ in range(2):
        with pytest.raises(AwsError, match=f"^get_item: {code}$"):
            await client.call("get_item", GET)
    await client.aclose()
