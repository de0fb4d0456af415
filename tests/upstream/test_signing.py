"""Requests signed for AWS: behaviours B1 and B3."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import pytest

from tests.fakes.sigv4 import is_signed_by, scope
from vaultcore.catalog.schema import Auth, Model, Provider, Target
from vaultcore.dialects import bedrock
from vaultcore.errors import Fault, UpstreamError
from vaultcore.routing.candidate import Candidate
from vaultcore.routing.plan import credentials, reachable
from vaultcore.upstream.build_request import RequestBuilder
from vaultcore.upstream.signing import is_pair
from vaultcore.upstream.transport import TransportRequest
from vaultcore.vault.keyring import Credential, Keyring

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
PAIR = f"AKIDEXAMPLE:{SECRET}"
AUTH = Auth(scheme="sigv4", service="bedrock", region="eu-west-1")
ROW = Provider("bedrock", "https://bedrock-runtime.eu-west-1.amazonaws.com", auth=AUTH, keyless=True)
ARN = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/a1b2"
CONTENT = json.dumps(
    {"messages": [{"role": "user", "content": [{"text": "Grüße 🌍"}]}]}, ensure_ascii=False
).encode()


def build(key: str, model: str = "eu.amazon.nova-lite-v1:0", row: Provider = ROW) -> TransportRequest:
    target = Target(row, Model(model))
    path = bedrock.render_path({}, target)
    candidate = Candidate(target, Credential("bedrock", key))
    builder = RequestBuilder()
    request = builder.build(candidate, path, CONTENT, {}, accept="*/*")
    return asyncio.run(builder.sign(candidate, request)) if request.is_unsigned else request


def headers_of(request: TransportRequest) -> dict[str, str]:
    return dict(request.header_fields())


def has_signature(request: TransportRequest, secret: str) -> bool:
    return is_signed_by(request.method, request.url.target, headers_of(request), request.content, secret)


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Remove all AWS credentials of this process."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return monkeypatch


@pytest.mark.parametrize("model", ["eu.amazon.nova-lite-v1:0", ARN, "a b+c%2F~d", "ü"])
def test_b01_b03_a_key_pair_signs(model: str) -> None:
    """The signature covers the exact bytes and path that are sent, for any model id."""
    request = build(PAIR, model)

    assert has_signature(request, SECRET)
    assert not has_signature(request, SECRET + "x")
    assert scope(headers_of(request)).startswith("AKIDEXAMPLE/")
    assert scope(headers_of(request)).endswith("/eu-west-1/bedrock/aws4_request")


def test_b01_a_changed_request_has_an_invalid_signature() -> None:
    """A changed body or path does not match the signature."""
    request = build(PAIR)
    headers, path = headers_of(request), request.url.target

    assert "%3A" in path
    assert not is_signed_by("POST", path, headers, request.content + b" ", SECRET)
    assert not is_signed_by("POST", path.replace("%3A", ":"), headers, request.content, SECRET)


def test_b03_a_session_token_is_sent_and_signed() -> None:
    """The session token of a role's key is sent, and it is signed."""
    request = build(f"{PAIR}:token/with+signs==")

    assert headers_of(request)["x-amz-security-token"] == "token/with+signs=="
    assert "x-amz-security-token" in headers_of(request)["authorization"]
    assert has_signature(request, SECRET)


@pytest.mark.parametrize("key", ["ABSKQmVkcm9ja0FQSUtleS1hYmM=", "bedrock-api-key-YmVkcm9jaw=="])
def test_b03_an_api_key_is_sent_as_a_bearer_token(key: str) -> None:
    """A key that is not a pair is sent as a bearer token, and nothing is signed."""
    request = build(key)

    assert headers_of(request)["authorization"] == f"Bearer {key}"
    assert "x-amz-date" not in headers_of(request)
    assert not is_pair(key)


def test_b03_without_a_key_the_processs_credentials_sign(no_credentials: pytest.MonkeyPatch) -> None:
    """If the vault has no key, the credentials of the process sign."""
    no_credentials.setenv("AWS_ACCESS_KEY_ID", "ASIAOWN")
    no_credentials.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    no_credentials.setenv("AWS_SESSION_TOKEN", "own-token")

    request = build("")

    assert has_signature(request, SECRET)
    assert scope(headers_of(request)).startswith("ASIAOWN/")
    assert headers_of(request)["x-amz-security-token"] == "own-token"


def test_b03_the_environments_api_key_has_precedence(no_credentials: pytest.MonkeyPatch) -> None:
    """If the vault has no key, an API key in the environment is used first, as in AWS's own clients."""
    no_credentials.setenv("AWS_ACCESS_KEY_ID", "ASIAOWN")
    no_credentials.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    no_credentials.setenv("AWS_BEARER_TOKEN_BEDROCK", "ABSKown")

    assert headers_of(build(""))["authorization"] == "Bearer ABSKown"


def test_b03_without_credentials_nothing_is_sent(no_credentials: pytest.MonkeyPatch) -> None:
    """A process without credentials raises a key fault; the error has no cause."""
    with pytest.raises(UpstreamError, match="no AWS credentials") as caught:
        build("")

    assert caught.value.fault is Fault.KEY
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """No repr and no log line, at level DEBUG, contains the secret or a signature."""
    with caplog.at_level(logging.DEBUG):
        request = build(f"{PAIR}:token-0123456789")

    rendered = repr(request) + caplog.text
    assert SECRET not in rendered + str(headers_of(request))
    assert "token-0123456789" not in rendered
    assert headers_of(request)["authorization"] not in rendered


def test_a_keyless_provider_is_reachable_without_a_key() -> None:
    """A keyless provider is reachable with an empty vault; if the vault has a key, only that is used."""
    other = Provider("acme", "https://acme.test")
    keys = [Credential("bedrock", PAIR)]

    assert reachable([ROW, other], Keyring([])) == {"bedrock"}
    assert [key.key for key in credentials(ROW, Keyring([]))] == [""]
    assert list(credentials(ROW, Keyring(keys))) == keys
