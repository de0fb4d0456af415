"""The failover matrix: whatever goes wrong at the primary, over real sockets, through the whole gateway."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.faults import CASES, FIRST, OTHER, SECOND, Case, ask, chat, events, house, place, said
from tests.fakes.provider import Answer, FakeProvider

TEXT = "Hello from a fake provider."
# Which keys are tried at the primary before its fallback is, by the kind of what went wrong.
TRIED = {
    "request": [FIRST],
    "key": [FIRST, SECOND],
    "rate": [FIRST, SECOND],
    "model": [FIRST],
    "host": [FIRST],
}
# What a client sees where there is no fallback: status, code.
SEEN = {
    "key": (502, "all_providers_failed"),
    "rate": (429, "all_providers_failed"),
    "model": (404, "all_providers_failed"),
    "host": (502, "all_providers_failed"),
}
BOTH = [
    pytest.param(name, stream, id=f"{name}, {'streamed' if stream else 'buffered'}")
    for name, case in CASES.items()
    for stream in (False, True)
    if (case.streamed if stream else case.buffered)
]


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as running:
        yield running


def run(folder: Path, provider: FakeProvider, case: Case, model: str, stream: bool) -> httpx.Response:
    provider.script("gpt-fake", case.answer)
    with place(case.place, provider) as primary:
        return ask(house(folder, primary, provider), lambda client: chat(client, model, stream=stream))


@pytest.mark.parametrize(("name", "stream"), BOTH)
def test_e3_e5_e11_with_a_fallback(tmp_path: Path, provider: FakeProvider, name: str, stream: bool) -> None:
    """The fallback answers after as many calls as the failure deserves; a bad request asks nobody else."""
    case = CASES[name]
    response = run(tmp_path, provider, case, "fast", stream)
    calls = [(request.model, request.key) for request in provider.requests]
    tried = [("gpt-fake", key) for key in TRIED[case.kind] if case.place == "provider"]

    if case.kind == "request":
        assert calls == tried
        assert response.status_code == case.answer.status
        assert response.json()["error"]["type"] == "invalid_request_error"
        return
    assert calls == [*tried, ("claude-fake", OTHER)]
    assert response.status_code == 200
    assert said(response) == TEXT
    assert response.headers["x-vaultedge-provider"] == "two"
    assert response.headers["x-vaultedge-attempts"] == str(len(TRIED[case.kind]) + 1)


@pytest.mark.parametrize(("name", "stream"), BOTH)
def test_without_a_fallback(tmp_path: Path, provider: FakeProvider, name: str, stream: bool) -> None:
    """The client gets the contract's envelope, with every attempt told, no more than four, and no key."""
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
    seen = SEEN["rate"] if case.answer.status == 429 else SEEN[case.kind]
    assert (response.status_code, error["code"]) == seen
    assert "scripted" not in response.text
    reasons = {attempt["fault"] for attempt in error["attempts"]}
    assert reasons == {case.kind}
    assert [attempt["provider"] for attempt in error["attempts"]] == ["one"] * len(error["attempts"])
    if case.place == "provider":
        assert len(error["attempts"]) == len(provider.requests)
    if case.kind in {"key", "rate"}:
        assert [request.key for request in provider.requests][:2] == [FIRST, SECOND]
    if case.kind == "host":
        assert len(error["attempts"]) == 4
    if case.kind == "model":
        assert len(provider.requests) == 1


@pytest.mark.parametrize("reset", [False, True])
def test_a_drop_in_the_middle_of_a_stream(tmp_path: Path, provider: FakeProvider, reset: bool) -> None:
    """What was said stays said; then comes one error event, no [DONE], and nobody else's words."""
    case = Case("host", Answer(cut="middle", after=4, pause=0.01, reset=reset))
    response = run(tmp_path, provider, case, "fast", True)

    assert response.status_code == 200
    assert TEXT.startswith(said(response))
    assert said(response)
    *_, last = events(response)
    assert set(last) == {"error"}
    assert last["error"]["code"] == "stream_broken"
    assert len(provider.requests) == 1


@pytest.mark.parametrize("answer", [Answer(stall=4), Answer(after=4, fade=True, pause=0.01)])
def test_a_stream_that_stops_half_way(tmp_path: Path, provider: FakeProvider, answer: Answer) -> None:
    """A stream that goes silent, or ends without a reason to finish, ends with an error event."""
    response = run(tmp_path, provider, Case("host", answer), "fast", True)

    assert said(response)
    assert "error" in events(response)[-1]
    assert len(provider.requests) == 1


def test_e5_e11_a_retry_that_succeeds(tmp_path: Path, provider: FakeProvider) -> None:
    """Without another target the same one is asked again, and its answer is the client's."""
    provider.script("gpt-fake", Answer(status=503), Answer(body=b""), Answer())
    response = ask(
        house(tmp_path, provider.base_url, provider), lambda client: chat(client, "lone", stream=False)
    )

    assert said(response) == TEXT
    assert response.headers["x-vaultedge-attempts"] == "3"


def test_a_bad_key_is_not_tried_again(tmp_path: Path, provider: FakeProvider) -> None:
    """Once a key was refused, the next request begins with the other one."""
    provider.script(FIRST, Answer(status=401))

    async def story(client: httpx.AsyncClient) -> list[int]:
        return [(await chat(client, "fast", stream=False)).status_code for _ in range(3)]

    assert ask(house(tmp_path, provider.base_url, provider), story) == [200] * 3
    assert [request.key for request in provider.requests] == [FIRST, SECOND, SECOND, SECOND]


def test_e5_retry_after_is_passed_on(tmp_path: Path, provider: FakeProvider) -> None:
    """Where every provider asks for time, so does the gateway."""
    provider.script("gpt-fake", Answer(status=429, headers={"retry-after": "30"}))
    response = ask(
        house(tmp_path, provider.base_url, provider), lambda client: chat(client, "lone", stream=False)
    )

    assert response.status_code == 429
    assert 29 <= int(response.headers["retry-after"]) <= 31
    assert len(provider.requests) == 2


def test_a_timer_starts_anew_for_every_attempt(tmp_path: Path, provider: FakeProvider) -> None:
    """The fallback has all of its own time, however long the primary took."""
    provider.script("gpt-fake", Answer(hang=True))
    provider.script("claude-fake", Answer(delay=0.12))
    response = ask(
        house(tmp_path, provider.base_url, provider), lambda client: chat(client, "fast", stream=True)
    )

    assert said(response) == TEXT
