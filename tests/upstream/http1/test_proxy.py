"""Calls to providers through a forward proxy: which ones use it, and what the proxy sees."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import aclosing
from pathlib import Path

import pytest

from tests.fakes.provider import FakeProvider
from tests.fakes.proxy import FakeProxy
from tests.upstream.http1.exchanges import fetch, request_to
from tests.upstream.http1.test_pool import server_context
from vaultcore.errors import ConfigError
from vaultcore.upstream.errors import transport_reason
from vaultcore.upstream.http1.pool import Pool
from vaultcore.upstream.http1.proxy import ProxyRefused, ProxyRules, ProxyUnreachable
from vaultcore.upstream.transport import ConnectFailed
from vaultcore.upstream.url import parse_url

PROVIDER = "https://provider.test/v1"
PASSWORD = "sesame"
BASIC = "Basic dXNlcjpzZXNhbWU="  # user:sesame
PROXY = {"HTTPS_PROXY": "http://proxy.test:3128"}
DIRECT = {
    "plain http": ("http://provider.test", PROXY),
    "a loopback name": ("https://localhost:8443", PROXY),
    "a loopback address": ("https://127.0.0.1:8443", PROXY),
    "a loopback address of IPv6": ("https://[::1]", PROXY),
    "instance metadata": ("https://169.254.169.254", PROXY),
    "credentials of EKS": ("https://[fd00:ec2::23]", PROXY),
    "a named host": ("https://provider.test", {**PROXY, "NO_PROXY": "a.test, provider.test"}),
    "a subdomain": ("https://api.provider.test", {**PROXY, "NO_PROXY": "provider.test"}),
    "a subdomain of a dot": ("https://api.provider.test", {**PROXY, "no_proxy": ".provider.test"}),
    "a subdomain of a star": ("https://api.provider.test", {**PROXY, "NO_PROXY": "*.provider.test"}),
    "a port": ("https://provider.test:8443", {**PROXY, "NO_PROXY": "provider.test:8443"}),
    "an address": ("https://10.0.0.7", {**PROXY, "NO_PROXY": "10.0.0.7"}),
    "a network": ("https://10.1.2.3", {**PROXY, "NO_PROXY": "10.0.0.0/8"}),
    "an address of IPv6": ("https://[2001:db8::1]", {**PROXY, "NO_PROXY": "[2001:db8::1]:443"}),
    "everything": ("https://provider.test", {**PROXY, "NO_PROXY": "*"}),
    "no proxy": ("https://provider.test", {"NO_PROXY": "a.test"}),
    "a proxy of plain http": ("https://provider.test", {"HTTP_PROXY": "http://proxy.test"}),
}
PROXIED = {
    "a provider": ("https://provider.test", PROXY),
    "an address": ("https://10.0.0.7", PROXY),
    "lower case": ("https://provider.test", {"https_proxy": "http://proxy.test"}),
    "all schemes": ("https://provider.test", {"ALL_PROXY": "proxy.test:80"}),
    "a similar name": ("https://myprovider.test", {**PROXY, "NO_PROXY": "provider.test"}),
    "another port": ("https://provider.test", {**PROXY, "NO_PROXY": "provider.test:8443"}),
    "outside a network": ("https://11.0.0.1", {**PROXY, "NO_PROXY": "10.0.0.0/8"}),
}


@pytest.mark.parametrize("name", DIRECT)
def test_direct_connections(name: str) -> None:
    """Own addresses, plain http and the hosts of NO_PROXY are reached without the proxy."""
    url, environ = DIRECT[name]
    assert ProxyRules.from_env(environ).find(parse_url(url).origin) is None


@pytest.mark.parametrize("name", PROXIED)
def test_proxied_connections(name: str) -> None:
    """All other https hosts are reached through the proxy."""
    url, environ = PROXIED[name]
    assert ProxyRules.from_env(environ).find(parse_url(url).origin) is not None


@pytest.mark.parametrize("url", ["socks5://proxy.test", "http://", "http://[::1", "http://proxy.test:port"])
def test_an_invalid_proxy_is_named(url: str) -> None:
    """An invalid URL stops the start. The error names the variable and repeats no password."""
    secret = url.replace("://", f"://user:{PASSWORD}@")
    with pytest.raises(ConfigError, match="HTTPS_PROXY") as caught:
        ProxyRules.from_env({"HTTPS_PROXY": secret})
    assert PASSWORD not in str(caught.value)


def test_a_proxy_hides_its_password() -> None:
    """The repr of the rules does not contain the proxy's credentials."""
    text = repr(ProxyRules.from_env({"HTTPS_PROXY": f"http://user:{PASSWORD}@proxy.test"}))
    assert PASSWORD not in text
    assert BASIC not in text


def call(
    folder: Path, proxy_url: str, *, count: int = 1, url: str = PROVIDER, is_direct: bool = False
) -> list[int]:
    """Return the statuses of calls to a provider, one after another."""

    async def calls() -> list[int]:
        trust = ssl.create_default_context(cafile=folder / "ca.pem")
        pool = Pool(lambda: trust, ProxyRules.from_env({"HTTPS_PROXY": proxy_url}))
        async with aclosing(pool) as http:
            request = request_to(url, is_direct=is_direct)
            return [(await fetch(http, request)).status for _ in range(count)]

    return asyncio.run(calls())


def test_calls_share_a_tunnel(tmp_path: Path) -> None:
    """A tunnel is to the provider's own host. It is kept open, and TLS in it is verified for that host."""
    context = server_context(tmp_path, "provider.test")
    with FakeProvider(context) as provider, FakeProxy(provider.base_url) as proxy:
        statuses = call(tmp_path, proxy.url, count=3, url=f"{PROVIDER}/chat/completions")
        assert (statuses, proxy.tunnels, provider.connections) == ([200] * 3, ["provider.test:443"], 1)


def test_a_tunnel_to_another_host_fails(tmp_path: Path) -> None:
    """A proxy that connects to another server gets no request: the certificate is of another host."""
    context = server_context(tmp_path, "elsewhere.test")
    with FakeProvider(context) as provider, FakeProxy(provider.base_url) as proxy:
        with pytest.raises(ConnectFailed) as caught:
            call(tmp_path, proxy.url)
        assert provider.requests == []
    assert transport_reason(caught.value) == "failed the TLS handshake"


def test_credentials_are_sent_to_the_proxy(tmp_path: Path) -> None:
    """The URL's user and password open the tunnel; the provider does not see them."""
    context = server_context(tmp_path, "provider.test")
    with FakeProvider(context) as provider, FakeProxy(provider.base_url, authorization=BASIC) as proxy:
        call(tmp_path, proxy.url.replace("//", f"//user:{PASSWORD}@"))
        assert "proxy-authorization" not in provider.requests[0].headers
        with pytest.raises(ProxyRefused) as caught:
            call(tmp_path, proxy.url)
    assert "refused the credentials" in transport_reason(caught.value)


def test_a_refusal_is_named(tmp_path: Path) -> None:
    """A proxy that refuses the tunnel, or is not there, is named in the error."""
    server_context(tmp_path, "provider.test")
    with FakeProxy("http://127.0.0.1:1", status=403) as proxy, pytest.raises(ProxyRefused) as caught:
        call(tmp_path, proxy.url)
    assert transport_reason(caught.value).endswith("refused the connection (403)")
    with pytest.raises(ProxyUnreachable) as caught:
        call(tmp_path, proxy.url)
    assert "could not be reached" in transport_reason(caught.value)


def test_a_local_row_is_direct(tmp_path: Path) -> None:
    """A request marked as direct does not use the proxy."""
    server_context(tmp_path, "provider.test")
    with FakeProxy("http://127.0.0.1:1") as proxy:
        with pytest.raises(ConnectFailed):
            call(tmp_path, proxy.url, url="https://provider.invalid", is_direct=True)
        assert proxy.tunnels == []
