"""A bug in the gateway is logged, answered with an error, and never charged."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import httpx
import pytest

from tests.fakes.gateway_app import bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeProvider
from tests.web.test_charged import only_record
from vaultcore.client_apis import chat
from vaultcore.streams.sse import Event
from vaultcore.usage.record import Record


def raise_bug(*_: object) -> Iterable[Event]:
    raise TypeError("secret content")


@pytest.mark.parametrize("name", ["feed", "close"])
def test_a_stream_ends_with_an_error_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """An exception while events are encoded ends the stream with an error event, and costs nothing."""
    monkeypatch.setattr(chat.ChatEncoder, name, raise_bug)

    text, record = _run(tmp_path, stream=True)

    assert "internal error; see the log" in json.loads(text.strip().split("data: ")[-1])["error"]["message"]
    assert (record.status, record.cost, record.prompt_tokens) == (500, 0, 0)
    assert "secret content" not in text + caplog.text


def test_a_response_is_not_charged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception while a response is rendered is answered with 500, and costs nothing."""
    monkeypatch.setattr(chat, "render_completion", raise_bug)

    text, record = _run(tmp_path, stream=False)

    assert "internal error; see the log" in json.loads(text)["error"]["message"]
    assert (record.status, record.cost, record.prompt_tokens) == (500, 0, 0)


def _run(folder: Path, *, stream: bool) -> tuple[str, Record]:
    with FakeProvider() as provider:
        services = build_services(folder, provider)

        async def scenario(client: httpx.AsyncClient) -> tuple[str, Record]:
            body = {
                "model": "one/gpt-fake",
                "messages": [{"role": "user", "content": "Hi"}],
                "stream": stream,
            }
            headers = bearer(await issue_key(services))
            response = await client.post("/v1/chat/completions", json=body, headers=headers)
            return response.text, await only_record(services)

        return run_with_client(services, scenario)
