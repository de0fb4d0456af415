from __future__ import annotations

import asyncio
import datetime
import gc
import ipaddress
import ssl
import warnings
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.fakes.provider import FakeResponse, FakeProvider
from vaultcore.upstream.http1.pool import Pool

QUESTION = b'{"model": "m"}'


async def ask(http: httpx.AsyncClient, base_url: str) -> httpx.Response:
    return await http.post(f"{base_url}/chat/completions", content=QUESTION)


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """A server's context with a certificate of its own making, which is left in the folder as ca.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))][name == "127.0.0.1" :]
    signed = (
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
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


def test_tls_with_a_trusted_certificate(tmp_path: Path) -> None:
    """Calls over TLS work, and share their connection."""
    context = certificate(tmp_path, "127.0.0.1")

    async def calls(base_url: str) -> list[int]:
        trust = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        async with httpx.AsyncClient(transport=Pool(trust), trust_env=False) as http:
            return [(await ask(http, base_url)).status_code for _ in range(3)]

    with FakeProvider(context) as provider:
        assert asyncio.run(calls(provider.base_url)) == [200] * 3
        assert provider.connections == 1


@pytest.mark.parametrize("trusted", [False, True])
def test_tls_with_a_certificate_that_does_not_fit(tmp_path: Path, trusted: bool) -> None:
    """A certificate that nobody trusts, or that names another host, ends the call before anything is sent."""
    context = certificate(tmp_path, "elsewhere.test" if trusted else "127.0.0.1")

    async def call(base_url: str) -> None:
        trust = ssl.create_default_context(cafile=tmp_path / "ca.pem") if trusted else None
        async with httpx.AsyncClient(transport=Pool(trust), trust_env=False) as http:
            await ask(http, base_url)

    with FakeProvider(context) as provider:
        with pytest.raises(httpx.ConnectError) as caught:
            asyncio.run(call(provider.base_url))
        assert provider.requests == []
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


def test_calls_at_once_each_have_a_connection() -> None:
    """Calls at once do not wait for each other, and what they leave is used again, last first."""

    async def calls(base_url: str) -> None:
        async with httpx.AsyncClient(transport=Pool()) as http:
            await asyncio.gather(*(ask(http, base_url) for _ in range(64)))
            for _ in range(10):
                await ask(http, base_url)

    with FakeProvider() as provider:
        provider.script("m", *[FakeResponse(delay=0.05)] * 64, FakeResponse())
        asyncio.run(calls(provider.base_url))
        assert provider.connections == 64
        assert len({request.connection for request in provider.requests[64:]}) == 1


# A socket whose loop has ended is closed with its last reference, and says so.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_client_outlives_its_event_loop() -> None:
    """Connections of a loop that has ended are let go: the next loop makes its own."""
    http = httpx.AsyncClient(transport=Pool())
    with FakeProvider() as provider:
        for last in (False, True):
            loop = asyncio.new_event_loop()
            try:
                assert loop.run_until_complete(ask(http, provider.base_url)).status_code == 200
            finally:
                loop.run_until_complete(http.aclose() if last else asyncio.sleep(0))
                loop.close()
        gc.collect()
        assert provider.connections == 2


def test_a_cancelled_call_leaves_no_socket() -> None:
    """A call that is cancelled while it connects to an address, wherever it is, closes what it has opened."""

    async def cancelled(base_url: str, turns: int) -> None:
        async with httpx.AsyncClient(transport=Pool(), trust_env=False) as http:
            asking = asyncio.create_task(ask(http, base_url))
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    with FakeProvider() as provider, warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        provider.script("m", FakeResponse(hang=True))
        for turns in range(24):
            asyncio.run(cancelled(provider.base_url, turns))
            gc.collect()

    assert [str(each.message) for each in heard] == []


def test_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies that the environment names are not used."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async def call(base_url: str) -> int:
        async with httpx.AsyncClient(transport=Pool()) as http:
            return (await ask(http, base_url)).status_code

    with FakeProvider() as provider:
        assert asyncio.run(call(provider.base_url)) == 200


def test_redirects_are_not_followed() -> None:
    """A provider cannot send a request, and the key in it, anywhere else."""

    async def call(base_url: str) -> int:
        async with httpx.AsyncClient(transport=Pool()) as http:
            return (await ask(http, base_url)).status_code

    with FakeProvider() as provider:
        provider.script("m", FakeResponse(status=307, headers={"location": f"{provider.base_url}/other"}))
        assert asyncio.run(call(provider.base_url)) == 307
        assert len(provider.requests) == 1
