"""The connection pool: TLS, reuse of connections, event loops, and what it ignores."""

from __future__ import annotations

import asyncio
import datetime
import gc
import ipaddress
import ssl
import warnings
from contextlib import aclosing
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.fakes.provider import FakeProvider, FakeResponse
from tests.upstream.http1.exchanges import post
from vaultcore.upstream.http1.pool import Pool
from vaultcore.upstream.transport import ConnectFailed


def server_context(folder: Path, name: str) -> ssl.SSLContext:
    """Return a server's TLS context with a new self-signed certificate, written to ca.pem in the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))][name == "127.0.0.1" :]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names[:1]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private_key = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(private_key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


def test_tls_with_a_trusted_certificate(tmp_path: Path) -> None:
    """Calls over TLS share a connection."""
    context = server_context(tmp_path, "127.0.0.1")

    async def calls(base_url: str) -> list[int]:
        trust = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        async with aclosing(Pool(lambda: trust)) as http:
            return [(await post(http, base_url)).status for _ in range(3)]

    with FakeProvider(context) as provider:
        assert asyncio.run(calls(provider.base_url)) == [200] * 3
        assert provider.connections == 1


@pytest.mark.parametrize("is_trusted", [False, True])
def test_tls_with_an_invalid_certificate(tmp_path: Path, is_trusted: bool) -> None:
    """An untrusted certificate, or one of another host, fails the call before anything is sent."""
    context = server_context(tmp_path, "elsewhere.test" if is_trusted else "127.0.0.1")

    async def call(base_url: str) -> None:
        trust = ssl.create_default_context(cafile=tmp_path / "ca.pem" if is_trusted else None)
        async with aclosing(Pool(lambda: trust)) as http:
            await post(http, base_url)

    with FakeProvider(context) as provider:
        with pytest.raises(ConnectFailed) as caught:
            asyncio.run(call(provider.base_url))
        assert provider.requests == []
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


def test_concurrent_calls_have_their_own_connections() -> None:
    """Concurrent calls do not wait for each other; the connection used last is reused first."""

    async def calls(base_url: str) -> None:
        async with aclosing(Pool()) as http:
            await asyncio.gather(*(post(http, base_url) for _ in range(64)))
            for _ in range(10):
                await post(http, base_url)

    with FakeProvider() as provider:
        provider.script("m", *[FakeResponse(delay=0.05)] * 64, FakeResponse())
        asyncio.run(calls(provider.base_url))
        assert provider.connections == 64
        assert len({request.connection for request in provider.requests[64:]}) == 1


# A socket whose loop has ended is closed with its last reference, with a ResourceWarning.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_pool_outlives_its_event_loop() -> None:
    """Connections of an ended event loop are dropped; the next loop opens new ones."""
    http = Pool()
    with FakeProvider() as provider:
        for is_last in (False, True):
            loop = asyncio.new_event_loop()
            try:
                assert loop.run_until_complete(post(http, provider.base_url)).status == 200
            finally:
                loop.run_until_complete(http.aclose() if is_last else asyncio.sleep(0))
                loop.close()
        gc.collect()
        assert provider.connections == 2


def test_a_cancelled_call_leaves_no_open_socket() -> None:
    """A call that is cancelled at any step of connecting closes its socket."""

    async def cancel_after(base_url: str, steps: int) -> None:
        async with aclosing(Pool()) as http:
            posting = asyncio.create_task(post(http, base_url))
            for _ in range(steps):
                await asyncio.sleep(0)
            posting.cancel()
            await asyncio.gather(posting, return_exceptions=True)

    with FakeProvider() as provider, warnings.catch_warnings(record=True) as caught_warnings:
        warnings.simplefilter("always")
        provider.script("m", FakeResponse(hang=True))
        for steps in range(24):
            asyncio.run(cancel_after(provider.base_url, steps))
            gc.collect()

    assert [str(each.message) for each in caught_warnings] == []


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies in environment variables are not used."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async def call(base_url: str) -> int:
        async with aclosing(Pool()) as http:
            return (await post(http, base_url)).status

    with FakeProvider() as provider:
        assert asyncio.run(call(provider.base_url)) == 200


def test_redirects_are_not_followed() -> None:
    """A redirect is returned, so that a provider cannot send the key elsewhere."""

    async def call(base_url: str) -> int:
        async with aclosing(Pool()) as http:
            return (await post(http, base_url)).status

    with FakeProvider() as provider:
        provider.script("m", FakeResponse(status=307, headers={"location": f"{provider.base_url}/other"}))
        assert asyncio.run(call(provider.base_url)) == 307
        assert len(provider.requests) == 1
