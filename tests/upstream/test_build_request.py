"""Requests as they are sent: prepared once for a row and a key, completed for each request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vaultcore.catalog.schema import Auth, Model, Provider, Target
from vaultcore.errors import Fault, UpstreamError
from vaultcore.routing.candidate import Candidate
from vaultcore.upstream import build_request
from vaultcore.upstream.build_request import RequestBuilder
from vaultcore.upstream.transport import TransportRequest
from vaultcore.vault.keyring import Credential

KEY = "marker-0123456789"
ROW = Provider("acme", "https://api.acme.test/v1", headers={"Acme-Version": "7"})


def build(builder: RequestBuilder, row: Provider = ROW, key: str = KEY, **options: Any) -> TransportRequest:
    candidate = Candidate(Target(row, Model("m")), Credential(row.name, key))
    client_headers = options.pop("client_headers", {})
    return builder.build(candidate, options.pop("path", "/chat"), b"{}", client_headers, accept="*/*")


def test_the_bytes_of_a_request() -> None:
    """A head has request line, host, constant headers, the row's, the key, the client's, and the length."""
    request = build(RequestBuilder(), client_headers={"x-client-request-id": "r-1"})

    assert request.head.decode().split("\r\n") == [
        "POST /v1/chat HTTP/1.1",
        "host: api.acme.test",
        "accept: */*",
        "accept-encoding: identity",
        "content-type: application/json",
        "user-agent: vaultedge/0.1",
        "acme-version: 7",
        f"authorization: Bearer {KEY}",
        "x-client-request-id: r-1",
        "content-length: 2",
        "",
        "",
    ]
    assert request.content == b"{}"


def test_a_changed_key_or_row_is_used_at_once() -> None:
    """A key that was replaced, and a row that was reloaded, count from the next request."""
    builder = RequestBuilder()
    build(builder)

    assert b"Bearer other" in build(builder, key="other").head
    assert b"acme-version: 8" in build(builder, replace(ROW, headers={"Acme-Version": "8"})).head
    assert b"x-key: marker" in build(builder, replace(ROW, auth=Auth("X-Key", ""))).head
    assert (
        b"host: api.acme.example" in build(builder, replace(ROW, base_url="https://api.acme.example/v1")).head
    )


def test_the_memory_of_heads_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many keys there are, only the last ones are remembered."""
    monkeypatch.setattr(build_request, "MAX_PREPARED", 3)
    builder = RequestBuilder()
    for number in range(10):
        build(builder, key=f"key-{number}")

    assert len(builder._prepared) == 3


def test_no_repr_shows_the_key() -> None:
    """Neither a request nor what is remembered shows the key or the content in its repr."""
    builder = RequestBuilder()
    request = build(builder)

    text = repr(request) + repr(builder._prepared) + repr(list(builder._prepared.values()))
    assert KEY not in text
    assert "{}" not in repr(request)


@pytest.mark.parametrize(
    "client_headers",
    [
        {"x-a": "1\r\nx-b: 2"},
        {"x-a\r\nx-b": "1"},
        {"x a": "1"},
        {"x-a": "é"},
        {"": "1"},
        {"x:a": "1"},
        {"acme-version": "1\r\nx-b: 2"},
    ],
)
def test_a_clients_header_adds_no_other(client_headers: dict[str, str]) -> None:
    """A forwarded header with characters that would end it is rejected; nothing is sent."""
    with pytest.raises(UpstreamError, match="invalid characters") as caught:
        build(RequestBuilder(), client_headers=client_headers)

    assert caught.value.fault is Fault.KEY
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "name", ["authorization", "content-length", "transfer-encoding", "anthropic-admin-key"]
)
def test_a_client_sets_neither_key_nor_framing(name: str) -> None:
    """The key's header, the headers that delimit a request, and the operator's are none of the client's."""
    request = build(RequestBuilder(), client_headers={name: "forged", "x-a": "1"})

    assert "forged" not in str(request.header_fields())
    assert ("x-a", "1") in request.header_fields()


@pytest.mark.parametrize("name", ["Content-Length", "Transfer-Encoding"])
def test_a_row_does_not_delimit_requests(name: str) -> None:
    """A row's header cannot contradict the length of a request."""
    request = build(RequestBuilder(), replace(ROW, headers={name: "7"}))

    assert [value for key, value in request.header_fields() if key == name.lower()] in ([], ["2"])


def test_a_client_replaces_a_rows_header() -> None:
    """A forwarded header replaces the row's of the same name: it is sent once."""
    request = build(RequestBuilder(), client_headers={"acme-version": "9"})

    assert [value for key, value in request.header_fields() if key == "acme-version"] == ["9"]
