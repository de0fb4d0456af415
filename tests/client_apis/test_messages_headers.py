"""Client headers that are forwarded to Anthropic, and the gateway's own headers."""

from __future__ import annotations

import pytest

from vaultcore.catalog.load import load_builtin
from vaultcore.client_apis import messages
from vaultcore.upstream.auth import build_headers
from vaultcore.vault.keyring import Credential

ROW = load_builtin().providers["anthropic"]
KEY = Credential("anthropic", "marker-0123456789")
CLIENT_HEADERS = {
    "authorization": "Bearer ve-client",
    "x-api-key": "ve-client",
    "anthropic-beta": "files-api-2025-04-14",
    "anthropic-version": "2020-01-01",
    "anthropic-dangerous-direct-browser-access": "true",
    "cookie": "a=b",
    "host": "house",
}


def test_a46_only_betas_and_the_version_are_forwarded() -> None:
    """A client's betas are forwarded to Anthropic; its key, cookies and host are not."""
    native = messages.native_request({"model": "m", "max_tokens": 1, "messages": []}, CLIENT_HEADERS)
    request_headers = build_headers(ROW, KEY, accept="application/json", client_headers=native.headers)

    assert request_headers["anthropic-beta"] == CLIENT_HEADERS["anthropic-beta"]
    assert request_headers["anthropic-version"] == ROW.headers["anthropic-version"]
    assert request_headers.keys().isdisjoint({"cookie", "host", "anthropic-dangerous-direct-browser-access"})
    assert "ve-client" not in str(dict(request_headers))


@pytest.mark.parametrize("more", [{}, {"x-api-key": "ve-client"}], ids=["plain", "forged"])
def test_a47_one_header_contains_the_key(more: dict[str, str]) -> None:
    """The provider key is in `x-api-key` and not in `authorization`."""
    request_headers = build_headers(ROW, KEY, accept="application/json", client_headers=more)

    assert request_headers.get_list("x-api-key") == [KEY.key]
    assert "authorization" not in request_headers
