"""HTTP headers of the console's files and of gateway responses, over a real socket."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.fakes.served import GatewayProcess, run_serve
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' data: blob:",
    "font-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "dompurify",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    home = tmp_path_factory.mktemp("headers")
    LocalVault(home / ".vaultedge").add([Credential("openai", "sk-none-of-a-provider")])
    with run_serve(home) as running:
        yield running


@pytest.fixture
def client(server: GatewayProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as connected:
        yield connected


def test_every_file_has_the_whole_policy(client: httpx.Client) -> None:
    """Every file has the full content security policy, forbids framing and has a media type."""
    page = client.get("/console/")
    named = re.findall(r'(?:src|href)="([a-z][^":]+)"', page.text)
    assert len(named) >= 2

    for name in ("", "docs/api.md", *named):
        answer = client.get(f"/console/{name}")
        directives = [part.partition(" ") for part in answer.headers["content-security-policy"].split("; ")]
        assert answer.status_code == 200, name
        assert {directive: value for directive, _, value in directives} == POLICY, name
        assert answer.headers["referrer-policy"] == "no-referrer", name
        assert answer.headers["x-frame-options"] == "DENY", name
        assert answer.headers["x-content-type-options"] == "nosniff", name


def test_no_cookies_and_no_cross_origin_access(server: GatewayProcess, client: httpx.Client) -> None:
    """No response sets a cookie, and no cookie authorises a request. The console and the admin API allow no
    other origin and reject its preflights; other paths, open on a loopback address, allow no credentials."""
    admin, other = server.printed["admin key"], {"origin": "https://evil.example"}
    preflight = {
        **other,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type",
    }
    key = {"authorization": f"Bearer {admin}"}
    answers = {}
    for path in (
        "/console/",
        "/admin/keys",
        "/admin/config",
        "/v1/models",
        "/v1/chat/completions",
        "/health",
    ):
        answers[f"preflight {path}"] = client.options(path, headers=preflight)
        answers[f"read {path}"] = client.get(path, headers={**other, **key})
        answers[f"cookie {path}"] = client.get(
            path, headers={**other, "cookie": f"key={admin}; token={admin}"}
        )
        answers[f"form {path}"] = client.post(path, headers=other, data={"key": admin})
    answers["answer"] = client.post("/v1/chat/completions", headers={**other, **key}, json={})

    for name, answer in answers.items():
        assert "set-cookie" not in answer.headers, name
        assert "access-control-allow-credentials" not in answer.headers, name
        assert answer.status_code >= 400 or not name.startswith("form"), name
        if "/console/" in name or "/admin/" in name:
            assert not [each for each in answer.headers if each.startswith("access-control-")], name
            assert answer.status_code >= 400 or not name.startswith("preflight"), name
    assert answers["read /admin/keys"].status_code == 200
    assert answers["cookie /admin/keys"].status_code == answers["cookie /admin/config"].status_code == 401
    assert answers["cookie /v1/models"].status_code == 401
