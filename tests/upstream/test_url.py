"""URLs as they are sent: compared with httpx's, which other clients use."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultcore.upstream.url import InvalidProviderRequest, parse_url

URLS = [
    "https://api.acme.test",
    "https://API.Acme.Test/v1/chat",
    "https://api.acme.test:443/v1?alt=sse",
    "http://127.0.0.1:80/",
    "http://127.0.0.1:8080/a%2Fb/%zz?x=%20&y=é",
    "https://[2001:db8::1]:8443/v1",
    "https://api.acme.test/a b/ü/../c/./d",
    "https://api.acme.test/models/m:generateContent?alt=sse&key={k}",
    "https://bücher.example/v1",
    "https://api.acme.test/v1/..",
]


@pytest.mark.parametrize("text", URLS)
def test_a_url_is_sent_as_httpx_sends_it(text: str) -> None:
    """Host, port, host header and request target are those of httpx."""
    url, expected = parse_url(text), httpx.URL(text)

    assert url.origin.host == expected.raw_host.decode()
    assert url.origin.port == (expected.port or {"https": 443, "http": 80}[expected.scheme])
    assert (url.authority, url.target) == (expected.netloc.decode(), expected.raw_path.decode())


@given(st.text(st.characters(min_codepoint=0x20, exclude_characters="#?\x7f", codec="utf-8"), max_size=30))
def test_any_path_is_sent_as_httpx_sends_it(path: str) -> None:
    """A path of any characters has the same target as with httpx, in ASCII and without spaces."""
    target = parse_url(f"https://api.acme.test/v1/{path}").target

    assert target == httpx.URL(f"https://api.acme.test/v1/{path}").raw_path.decode()
    assert target.isascii()
    assert " " not in target


@pytest.mark.parametrize(
    "text",
    [
        *("https://", "api.acme.test", "ftp://api.acme.test", "//api.acme.test/v1", "https://a b.test/"),
        *(
            "https://user@api.acme.test/",
            "https://api.acme.test:port/",
            "https://[::1/",
            "https://a%2eb.test/",
        ),
        *("https://api.acme.test/a\r\nb", "https://api.acme.test/\x00", "https://api.acme.test/#part"),
        "https://api.acme.test/" + "a" * 70_000,
    ],
)
def test_other_urls_are_rejected(text: str) -> None:
    """A URL without host, with a password, a fragment, control characters or another scheme is rejected."""
    with pytest.raises(InvalidProviderRequest):
        parse_url(text)
