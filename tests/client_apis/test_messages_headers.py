"""What of a client's headers reaches Anthropic, and with which of ours."""

from __future__ import annotations

import pytest

from vaultcore.catalog.load import builtin
from vaultcore.client_apis import messages
from vaultcore.upstream.auth import headers
from vaultcore.vault.keyring import Credential

ROW = builtin().providers["anthropic"]
KEY = Credential("anthropic", "marker-0123456789")
CLIENTS = {
    "authorization": "Bearer ve-client",
    "x-api-key": "ve-client",
    "anthropic-beta": "files-api-2025-04-14",
    "anthropic-version": "2020-01-01",
    "anthropic-dangerous-direct-browser-access": "true",
    "cookie": "a=b",
    "host": "house",
}


def test_a46_only_betas_and_the_version_pass() -> None:
    """A client's betas go on to Anthropic; its own key, its cookies and its host do not."""
    native = messages.native_request({"model": "m", "max_tokens": 1, "messages": []}, CLIENTS)
    sent = headers(ROW, KEY, accept="application/json", more=native.headers)

    assert sent["anthropic-beta"] == CLIENTS["anthropic-beta"]
    assert sent["anthropic-version"] == ROW.headers["anthropic-version"]
    assert sent.keys().isdisjoint({"cookie", "host", "anthropic-dangerous-direct-browser-access"})
    assert "ve-client" not in str(dict(sent))


@pytest.mark.parametrize("more", [{}, {"x-api-key": "ve-client"}], ids=["plain", "forged"])
def test_a47_one_header_holds_the_key(more: dict[str, str]) -> None:
    """The key stands in `x-api-key`, and nowhere else: never in both headers."""
    sent = headers(ROW, KEY, accept="application/json", more=more)

    assert sent.get_list("x-api-key") == [KEY.key]
    assert "authorization" not in sent
