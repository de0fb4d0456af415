"""Compressed request bodies are read like others, within the same bounds."""

from __future__ import annotations

import gzip
import zlib
from importlib import import_module
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.gateway_app import run_gateway
from tests.fakes.provider import FakeProvider
from vaultcore.errors import InvalidRequest, RequestTooLarge
from vaultcore.web.content_encoding import DECOMPRESSORS, MAX_MEMBERS, ZSTD_MODULES, decompress

LIMIT = 100_000  # bytes
BODY = b'{"model": "fast", "messages": [{"role": "user", "content": "hi"}]}'


def compress_zstd(body: bytes) -> bytes:
    for name in ZSTD_MODULES:
        try:
            compressed: bytes = import_module(name).compress(body)
        except ModuleNotFoundError:
            continue
        return compressed
    raise AssertionError("zstd is in the extra `serve`")


COMPRESS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "zstd": compress_zstd}


def test_every_encoding_is_covered() -> None:
    """The table of this file has every encoding that the gateway accepts."""
    assert COMPRESS.keys() == DECOMPRESSORS.keys()


@pytest.mark.parametrize("encoding", COMPRESS)
@given(body=st.binary(max_size=2_000))
def test_a_body_is_restored(encoding: str, body: bytes) -> None:
    """Decompression returns the bytes that were compressed."""
    assert decompress(COMPRESS[encoding](body), encoding, LIMIT) == body


@pytest.mark.parametrize("encoding", COMPRESS)
def test_a_decompression_bomb_is_rejected(encoding: str) -> None:
    """A body that is small compressed and large otherwise is rejected, at the byte above the limit."""
    assert decompress(COMPRESS[encoding](bytes(LIMIT)), encoding, LIMIT) == bytes(LIMIT)
    with pytest.raises(RequestTooLarge):
        decompress(COMPRESS[encoding](bytes(LIMIT + 1)), encoding, LIMIT)
    with pytest.raises(RequestTooLarge):
        decompress(COMPRESS[encoding](bytes(LIMIT)) + COMPRESS[encoding](b"x"), encoding, LIMIT)


@pytest.mark.parametrize("encoding", COMPRESS)
@given(data=st.data())
def test_a_damaged_body_is_rejected(encoding: str, data: st.DataObject) -> None:
    """A body that is cut anywhere, or followed by other bytes, is a 400 error."""
    whole = COMPRESS[encoding](BODY)
    cut = data.draw(st.integers(0, len(whole) - 1))
    for damaged in (whole[:cut], whole + b"\x00\x01"):
        with pytest.raises(InvalidRequest):
            decompress(damaged, encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_the_members_of_a_body_are_joined(encoding: str) -> None:
    """A body may consist of MAX_MEMBERS members, as RFC 1952 and RFC 8878 allow; more are rejected."""
    member = COMPRESS[encoding](b"ab")
    assert decompress(member * MAX_MEMBERS, encoding, LIMIT) == b"ab" * MAX_MEMBERS
    with pytest.raises(InvalidRequest):
        decompress(member * (MAX_MEMBERS + 1), encoding, LIMIT)


@pytest.mark.parametrize("encoding", COMPRESS)
def test_a_compressed_request_is_answered(encoding: str, tmp_path: Path) -> None:
    """A client that compresses its requests gets the response that it gets without."""

    async def post(client: httpx.AsyncClient) -> httpx.Response:
        headers = {"content-type": "application/json", "content-encoding": encoding.upper()}
        return await client.post("/v1/chat/completions", content=COMPRESS[encoding](BODY), headers=headers)

    with FakeProvider() as provider:
        assert run_gateway(tmp_path, provider, post).status_code == 200


def test_an_unknown_encoding_is_rejected(tmp_path: Path) -> None:
    """Status 415 names the encodings that the gateway accepts."""

    async def post(client: httpx.AsyncClient) -> httpx.Response:
        headers = {"content-type": "application/json", "content-encoding": "br"}
        return await client.post("/v1/chat/completions", content=b"x", headers=headers)

    with FakeProvider() as provider:
        response = run_gateway(tmp_path, provider, post)
    assert response.status_code == 415
    assert response.headers["accept-encoding"] == ", ".join(DECOMPRESSORS)
    assert response.json()["error"]["param"] == "content-encoding"
