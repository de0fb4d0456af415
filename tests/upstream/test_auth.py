"""The URL and the headers of a request to a provider."""

from __future__ import annotations

import pytest

from vaultcore.catalog.schema import Auth, Provider
from vaultcore.upstream.auth import build_headers
from vaultcore.upstream.url import InvalidProviderRequest, provider_url
from vaultcore.vault.keyring import Credential

KEY = "marker-0123456789"


@pytest.mark.parametrize(
    "path",
    [
        "@evil.test/chat",
        ":8443/chat",
        ".evil.test/chat",
        "/../../admin",
        "/..%2f@x/../../../x",
        "/chat#fragment",
        "//evil.test/..",
        "?x=/v1/",
        "",
    ],
)
def test_no_path_leaves_the_base_url(path: str) -> None:
    """For any path, the URL is at the provider's host and below its base path, or it is rejected."""
    try:
        url = provider_url("https://api.acme.test/v1", path, allow_http=False)
    except InvalidProviderRequest:
        return
    assert url.origin == ("https", "api.acme.test", 443)
    assert url.path.startswith("/v1/")


@pytest.mark.parametrize(
    "base", ["http://api.acme.test/v1", "ftp://api.acme.test", "https://", "api.acme.test"]
)
def test_a_base_url_without_tls_or_host_is_rejected(base: str) -> None:
    """A base URL must have the scheme https and a host."""
    with pytest.raises(InvalidProviderRequest):
        provider_url(base, "/chat", allow_http=False)


def test_a_base_url_with_a_password_is_rejected() -> None:
    """A base URL must not contain a user name or a password."""
    with pytest.raises(InvalidProviderRequest):
        provider_url("https://user:pass@api.acme.test/v1", "/chat", allow_http=False)


def test_the_url_is_base_url_and_path() -> None:
    """The URL joins the base URL and the path; port and query are unchanged."""
    assert str(provider_url("https://a.test:8443/v1", "/chat?alt=sse", allow_http=False)) == (
        "https://a.test:8443/v1/chat?alt=sse"
    )
    assert str(provider_url("http://127.0.0.1:80/v1", "/chat", allow_http=True)).startswith(
        "http://127.0.0.1"
    )


def test_the_repr_of_headers_shows_no_value() -> None:
    """The repr of headers contains their names and no values."""
    fields = build_headers(
        Provider("acme", "https://a.test", auth=Auth("X-Acme-Key", "")), Credential("acme", KEY), accept="*/*"
    )

    assert fields["x-acme-key"] == KEY
    assert KEY not in repr(fields) + str(fields)


@pytest.mark.parametrize("row", [{"X-A": "a\r\nX-B: b"}, {"X A": "a"}, {"X-A": "é"}, {"": "a"}])
def test_a_row_cannot_inject_headers(row: dict[str, str]) -> None:
    """A catalog row whose headers have invalid characters is rejected."""
    with pytest.raises(InvalidProviderRequest):
        build_headers(Provider("acme", "https://a.test", headers=row), Credential("acme", KEY), accept="*/*")


def test_a_row_cannot_override_the_key() -> None:
    """The key's header replaces a row's header of the same name."""
    row = Provider("acme", "https://a.test", headers={"Authorization": "Bearer other"})

    assert build_headers(row, Credential("acme", KEY), accept="*/*")["authorization"] == f"Bearer {KEY}"
