from __future__ import annotations

import pytest

from vaultcore.catalog.schema import Auth, Provider
from vaultcore.upstream.auth import InvalidProviderRequest, headers, provider_url
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
def test_no_path_leads_away(path: str) -> None:
    """Whatever a path holds, the key goes to the row's host and below its base, or nowhere."""
    try:
        url = provider_url("https://api.acme.test/v1", path, allow_http=False)
    except InvalidProviderRequest:
        return
    assert (url.scheme, url.host, url.port) == ("https", "api.acme.test", None)
    assert url.path.startswith("/v1/")


@pytest.mark.parametrize(
    "base", ["http://api.acme.test/v1", "ftp://api.acme.test", "https://", "api.acme.test"]
)
def test_only_tls_leads_out(base: str) -> None:
    """Without TLS, or without a host, there is no address."""
    with pytest.raises(InvalidProviderRequest):
        provider_url(base, "/chat", allow_http=False)


def test_a_base_with_a_user_is_refused() -> None:
    """A base URL with somebody's password in it is nobody's address."""
    with pytest.raises(InvalidProviderRequest):
        provider_url("https://user:pass@api.acme.test/v1", "/chat", allow_http=False)


def test_an_address() -> None:
    """The address is the base and the path, the port and the query kept."""
    assert str(provider_url("https://a.test:8443/v1", "/chat?alt=sse", allow_http=False)) == (
        "https://a.test:8443/v1/chat?alt=sse"
    )
    assert str(provider_url("http://127.0.0.1:80/v1", "/chat", allow_http=True)).startswith(
        "http://127.0.0.1"
    )


def test_the_repr_of_headers_shows_no_value() -> None:
    """Headers can be printed: their names show, their values do not."""
    fields = headers(
        Provider("acme", "https://a.test", auth=Auth("X-Acme-Key", "")), Credential("acme", KEY), accept="*/*"
    )

    assert fields["x-acme-key"] == KEY
    assert KEY not in repr(fields) + str(fields)


@pytest.mark.parametrize("row", [{"X-A": "a\r\nX-B: b"}, {"X A": "a"}, {"X-A": "é"}, {"": "a"}])
def test_a_rows_header_cannot_become_two(row: dict[str, str]) -> None:
    """A row whose headers hold what no header can carry makes no request."""
    with pytest.raises(InvalidProviderRequest):
        headers(Provider("acme", "https://a.test", headers=row), Credential("acme", KEY), accept="*/*")


def test_a_row_cannot_replace_the_key() -> None:
    """The key's own header wins over a row's header of that name."""
    row = Provider("acme", "https://a.test", headers={"Authorization": "Bearer other"})

    assert headers(row, Credential("acme", KEY), accept="*/*").get_list("authorization") == [f"Bearer {KEY}"]
