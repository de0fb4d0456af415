"""The root certificates that verify providers."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from tests.fakes.provider import FakeProvider
from tests.upstream.http1.exchanges import post
from tests.upstream.http1.test_pool import server_context
from vaultcore.errors import ConfigError
from vaultcore.upstream.http1.pool import Pool
from vaultcore.upstream.http1.trust import trust_from_env

FILES = ["SSL_CERT_FILE", "VAULTEDGE_CA_BUNDLE"]


@pytest.mark.parametrize("name", FILES)
def test_a_private_ca_is_trusted(name: str, tmp_path: Path) -> None:
    """A certificate of a company's own authority is accepted if the variable names its file."""
    context = server_context(tmp_path, "127.0.0.1")

    async def status(base_url: str) -> int:
        async with aclosing(Pool(trust_from_env({name: str(tmp_path / "ca.pem")}))) as http:
            return (await post(http, base_url)).status

    with FakeProvider(context) as provider:
        assert asyncio.run(status(provider.base_url)) == 200


def test_public_roots(tmp_path: Path) -> None:
    """SSL_CERT_FILE and SSL_CERT_DIR replace the public roots; VAULTEDGE_CA_BUNDLE adds to them."""
    server_context(tmp_path, "127.0.0.1")
    file = str(tmp_path / "ca.pem")
    default = len(trust_from_env({})().get_ca_certs())
    counts = {
        name: len(trust_from_env({name: value})().get_ca_certs())
        for name, value in [*((name, file) for name in FILES), ("SSL_CERT_DIR", str(tmp_path))]
    }
    assert default > 100
    assert counts == {"SSL_CERT_FILE": 1, "VAULTEDGE_CA_BUNDLE": default + 1, "SSL_CERT_DIR": 0}


@pytest.mark.parametrize("name", [*FILES, "SSL_CERT_DIR"])
@pytest.mark.parametrize("kind", ["missing", "not certificates"])
def test_an_invalid_setting_is_named(name: str, kind: str, tmp_path: Path) -> None:
    """A file or directory that holds no certificates stops the start, by the variable's name."""
    path = tmp_path / "roots.pem"
    if kind != "missing":
        path.write_text("no certificate")
    with pytest.raises(ConfigError, match=name):
        trust_from_env({name: str(path)})
