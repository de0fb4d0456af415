"""The failover matrix: each kind of provider failure, over real sockets, through the whole gateway."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.fakes.faults import (
    CASES,
    FIRST,
    OTHER,
    SECOND,
    Case,
    build_services,
    chat,
    parse_events,
    primary_url,
    response_text,
    run_with_client,
)
from tests.fakes.provider import FakeProvider, FakeResponse

TEXT = "Hello from a fake provider."
# Keys that are used at the primary before the fallback is tried, by kind of fault.
PRIMARY_KEYS = {
    "request": [FIRST],
    "key": [FIRST, SECOND],
    "rate": [FIRST, SECOND],
    "model": [FIRST],
    "host": [FIRST],
}
# The client's error if there is no fallback: status, code.
CLIENT_ERRORS = {
    "key": (502, "all_providers_failed"),
    "rate": (429, "all_providers_failed"),
    "model": (404, "all_providers_failed"),
    "host": (502, "all_providers_failed"),
}
CASES_BY_MODE = [
    pytest.param(name, stream, id=f"{name}, {'streamed' if stream else 'buffered'}")
    for name, case in CASES.items()
    for stream in (False, True)
    if (case.streamed if stream else case.buffered)
]


def run(folder: Path, provider: FakeProvider, case: Case, model: str, stream: bool) -> httpx.Response:
    provider.script("gpt-fake", case.answer)
    with primary_url(case.primary, provider) as primary:
        return run_with_client(
            build_services(folder, primary, provider), lambda client: chat(client, model, stream=stream)
        )


@pytest.mark.parametrize(("name", "stream"), CASES_BY_MODE)
def test_e3_e5_e11_with_a_fallback(tmp_path: Path, provider: FakeProvider, name: str, stream: bool) -> None:
    """The fallback answers after the expected calls to the primary; an invalid request is not retried."""
    case = CASES[name]
    response = run(tmp_path, provider, case, "fast", stream)
    calls = [(request.model, request.key) for request in provider.requests]
    expected_calls = [("gpt-fake", key) for key in PRIMARY_KEYS[case.kind] if case.primary == "provider"]

    if case.kind == "request":
        assert calls == expected_calls
        assert response.status_code == case.answer.status
        assert response.json()["error"]["type"] == "invalid_request_error"
        return
    assert calls == [*expected_calls, ("claude-fake", OTHER)]
    assert response.status_code == 200
    assert response_text(response) == TEXT
    assert response.headers["x-vaultedge-provider"] == "two"
    assert response.headers["x-vaultedge-attempts"] == str(len(PRIMARY_KEYS[case.kind]) + 1)


@pytest.mark.parametrize(("name", "stream"), CASES_BY_MODE)
def test_without_a_fallback(tmp_path: Path, provider: FakeProvider, name: str, stream: bool) -> None:
    """The client gets an error with all attempts in it, four at most, and no key."""
    case = CASES[name]
    response = run(tmp_path, provider, case, "lone", stream)
    error = response.json()["error"]

    assert response.headers["content-type"] == "application/json"
    assert len(provider.requests) <= 4
    assert not {key for key in (FIRST, SECOND, OTHER) if key in response.text + str(response.headers)}
    if case.kind == "request":
        assert (response.status_code, len(provider.requests)) == (case.answer.status, 1)
        assert "scripted" in error["message"]
        return
    expected_error = CLIENT_ERRORS["rate"] if case.answer.status == 429 else CLIENT_ERRORS[case.kind]
    assert (response.status_code, error["code"]) == expected_error
    assert "scripted" not in response.text
    reasons = {attempt["fault"] for attempt in error["attempts"]}
    assert reasons == {case.kind}
    assert [attempt["provider"] for attempt in error["attempts"]] == ["one"] * len(error["attempts"])
    if case.primary == "provider":
        assert len(error["attempts"]) == len(provider.requests)
    if case.kind in {"key", "rate"}:
        assert [request.key for request in provider.requests][:2] == [FIRST, SECOND]
    if case.kind == "host":
        assert len(error["attempts"]) == 4
    if case.kind == "model":
        assert len(provider.requests) == 1


@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_lost_in_the_middle_of_a_stream(
    tmp_path: Path, provider: FakeProvider, reset: bool
) -> None:
    """The text so far stays; one error event follows, no [DONE], and no other provider's text."""
    case = Case("host", FakeResponse(cut="middle", after=4, pause=0.01, reset=reset))
    response = run(tmp_path, provider, case, "fast", True)

    assert response.status_code == 200
    assert TEXT.startswith(response_text(response))
    assert response_text(response)
    *_, last = parse_events(response)
    assert set(last) == {"error"}
    assert last["error"]["code"] == "stream_broken"
    assert len(provider.requests) == 1


@pytest.mark.parametrize("answer", [FakeResponse(stall=4), FakeResponse(after=4, fade=True, pause=0.01)])
def test_a_stream_that_stops_early(tmp_path: Path, provider: FakeProvider, answer: FakeResponse) -> None:
    """A stream that stalls, or ends without a finish reason, ends with an error event."""
    response = run(tmp_path, provider, Case("host", answer), "fast", True)

    assert response_text(response)
    assert "error" in parse_events(response)[-1]
    assert len(provider.requests) == 1


def test_e5_e11_a_retry_that_succeeds(tmp_path: Path, provider: FakeProvider) -> None:
    """Without another target the same one is retried, and the client gets its response."""
    provider.script("gpt-fake", FakeResponse(status=503), FakeResponse(body=b""), FakeResponse())
    response = run_with_client(
        build_services(tmp_path, provider.base_url, provider),
        lambda client: chat(client, "lone", stream=False),
    )

    assert response_text(response) == TEXT
    assert response.headers["x-vaultedge-attempts"] == "3"


def test_a_rejected_key_is_not_used_by_later_requests(tmp_path: Path, provider: FakeProvider) -> None:
    """After a key was rejected, the next request starts with the other key."""
    provider.script(FIRST, FakeResponse(status=401))

    async def send_requests(client: httpx.AsyncClient) -> list[int]:
        return [(await chat(client, "fast", stream=False)).status_code for _ in range(3)]

    assert run_with_client(build_services(tmp_path, provider.base_url, provider), send_requests) == [200] * 3
    assert [request.key for request in provider.requests] == [FIRST, SECOND, SECOND, SECOND]


def test_e5_retry_after_is_returned_to_the_client(tmp_path: Path, provider: FakeProvider) -> None:
    """If all providers ask for a pause, the client gets a Retry-After."""
    provider.script("gpt-fake", FakeResponse(status=429, headers={"retry-after": "30"}))
    response = run_with_client(
        build_services(tmp_path, provider.base_url, provider),
        lambda client: chat(client, "lone", stream=False),
    )

    assert response.status_code == 429
    assert 29 <= int(response.headers["retry-after"]) <= 31
    assert len(provider.requests) == 2


def test_each_attempt_has_its_own_timeouts(tmp_path: Path, provider: FakeProvider) -> None:
    """The fallback has its full timeouts, however long the primary took."""
    provider.script("gpt-fake", FakeResponse(hang=True))
    provider.script("claude-fake", FakeResponse(delay=0.12))
    response = run_with_client(
        build_services(tmp_path, provider.base_url, provider),
        lambda client: chat(client, "fast", stream=True),
    )

    assert response_text(response) == TEXT
