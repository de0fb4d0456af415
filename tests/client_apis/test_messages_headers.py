"""Client headers that are forwarded to Anthropic, and the gateway's own headers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vaultcore.catalog.load import load_builtin
from vaultcore.client_apis import messages
from vaultcore.errors import InvalidRequest
from vaultcore.upstream.auth import build_headers
from vaultcore.vault.keyring import Credential

ROW = load_builtin().providers["anthropic"]
KEY = Credential("anthropic", "marker-0123456789")
CLIENT_HEADERS = {
    "authorization": "Bearer ve-client",
    "x-api-key": "ve-client",
    "anthropic-beta": "files-api-2025-04-14",
    "anthropic-version": "2026-10-21",
    "anthropic-dangerous-direct-browser-access": "true",
    "anthropic-from-next-month": "1",
    "cookie": "a=b",
    "host": "house",
}
BODY = {"model": "m", "max_tokens": 1, "messages": []}


def test_a46_every_anthropic_header_is_forwarded() -> None:
    """A client's `anthropic-*` headers reach Anthropic, the version too; key, cookies and host do not."""
    native = messages.native_request(BODY, CLIENT_HEADERS)
    request_headers = build_headers(ROW, KEY, accept="application/json", client_headers=native.headers)

    expected = {name: value for name, value in CLIENT_HEADERS.items() if name.startswith("anthropic-")}
    assert {name: request_headers[name] for name in expected} == expected
    assert request_headers.keys().isdisjoint({"cookie", "host"})
    assert "ve-client" not in str(dict(request_headers))


def test_a46_a_call_without_version_gets_that_of_the_row() -> None:
    """Translated calls, and clients that send no version, use the version of the catalog row."""
    request_headers = build_headers(ROW, KEY, accept="application/json")

    assert request_headers["anthropic-version"] == ROW.headers["anthropic-version"]


@pytest.mark.parametrize(
    "name",
    [
        *("anthropic-workspace-id", "anthropic-organization-id", "anthropic-user-profile-id"),
        *("anthropic-api-key", "anthropic-session-token", "anthropic-client-secret"),
    ],
)
def test_a46_the_operator_alone_says_who_pays(name: str) -> None:
    """Workspace, organization and credentials come from the row, whatever a client sends."""
    own = replace(ROW, headers={**ROW.headers, name: "operator"})
    forged = {name: "client"}

    assert name not in build_headers(ROW, KEY, accept="application/json", client_headers=forged)
    assert build_headers(own, KEY, accept="application/json", client_headers=forged)[name] == "operator"


def test_a46_betas_of_row_and_client_are_joined() -> None:
    """A row's betas stay beside those of the client."""
    own = replace(ROW, headers={**ROW.headers, "Anthropic-Beta": "a-2025"})
    request_headers = build_headers(
        own, KEY, accept="application/json", client_headers={"anthropic-beta": "b-2026"}
    )

    assert request_headers["anthropic-beta"] == "a-2025,b-2026"


def test_a46_a_header_with_other_characters_is_rejected() -> None:
    """A header that the provider cannot receive is the client's error, not the provider's."""
    with pytest.raises(InvalidRequest, match="anthropic-beta"):
        messages.native_request(BODY, {"anthropic-beta": "ü"})


@pytest.mark.parametrize("more", [{}, {"x-api-key": "ve-client"}], ids=["plain", "forged"])
def test_a47_one_header_contains_the_key(more: dict[str, str]) -> None:
    """The provider key is in `x-api-key` and not in `authorization`."""
    request_headers = build_headers(ROW, KEY, accept="application/json", client_headers=more)

    assert request_headers["x-api-key"] == KEY.key
    assert "authorization" not in request_headers
