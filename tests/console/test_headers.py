"""What the console's files and the gateway's answers tell a browser, as they come over the socket."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.fakes.served import Served, served
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
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("headers")
    LocalVault(home / ".vaultedge").add([Credential("openai", "sk-none-of-a-provider")])
    with served(home) as running:
        yield running


@pytest.fixture
def client(gateway: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=30) as made:
        yield made


def test_every_file_has_the_whole_policy(client: httpx.Client) -> None:
    """Each file of the page says what may load and run, that nobody may frame it, and what it is."""
    page = client.get("/console/")
    named = re.findall(r'(?:src|href)="([a-z][^":]+)"', page.text)
    assert len(named) >= 2

    for name in ("", "docs/api.md", *named):
        answer = client.get(f"/console/{name}")
        told = [part.partition(" ") for part in answer.headers["content-security-policy"].split("; ")]
        assert answer.status_code == 200, name
        assert {directive: value for directive, _, value in told} == POLICY, name
        assert answer.headers["referrer-policy"] == "no-referrer", name
        assert answer.headers["x-frame-options"] == "DENY", name
        assert answer.headers["x-content-type-options"] == "nosniff", name


def test_nothing_is_known_by_a_cookie_or_to_another_origin(gateway: Served, client: httpx.Client) -> None:
    """No answer sets a cookie or opens itself to another origin; preflights are refused, cookies no keys."""
    admin, other = gateway.said["admin key"], {"origin": "https://evil.example"}
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
        assert not [each for each in answer.headers if each.startswith("access-control-")], name
        assert answer.status_code >= 400 or not name.startswith(("preflight", "form")), name
    assert answers["read /admin/keys"].status_code == 200
    assert answers["cookie /admin/keys"].status_code == answers["cookie /admin/config"].status_code == 401
    assert answers["cookie /v1/models"].status_code == 401
