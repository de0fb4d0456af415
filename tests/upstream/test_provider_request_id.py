"""The provider's own id of a request."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.faults import FIRST, build_services, chat, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.upstream.provider_request_id import provider_request_id

KEY = "marker.key.without.any.known.shape"
ID = "x-vaultedge-upstream-request-id"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-request-id": "req_0123abc"}, "req_0123abc"),
        ({"request-id": "req_011CS", "cf-ray": "8f1-FRA"}, "req_011CS"),
        (
            {"x-amzn-requestid": "8a3d1c5e-0000-4f4f-9d0a-1c7f5b1f0000"},
            "8a3d1c5e-0000-4f4f-9d0a-1c7f5b1f0000",
        ),
        ({"x-request-id": "a b", "cf-ray": "8f1-FRA"}, "8f1-FRA"),
        ({"x-request-id": KEY}, None),
        ({"x-request-id": "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"}, None),
        ({"x-request-id": "x" * 129}, None),
        ({"x-request-id": "a\r\nset-cookie: b"}, None),
        ({}, None),
    ],
)
def test_e9_the_first_valid_id_is_returned(headers: dict[str, str], expected: str | None) -> None:
    """The first header with a valid id counts; ids with other characters, or with the key, are ignored."""
    assert provider_request_id(headers, KEY) == expected


@pytest.mark.parametrize("stream", [False, True])
def test_e9_responses_have_both_ids(tmp_path: Path, stream: bool) -> None:
    """A response has the gateway's id, and the id of the provider that answered, not of a failed one."""
    with FakeProvider() as provider:
        provider.script(FIRST, FakeResponse(status=401, headers={"x-request-id": "req_refused"}))
        provider.script("gpt-fake", FakeResponse(headers={"x-request-id": "req_answered"}))
        response = run_with_client(
            build_services(tmp_path, provider.base_url, provider),
            lambda client: chat(client, "fast", stream=stream),
        )

    assert response.status_code == 200
    assert response.headers[ID] == "req_answered"
    assert response.headers["x-request-id"] not in {"", "req_answered"}
