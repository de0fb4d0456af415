"""The writes of a streamed response: which events go to the client together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from tests.fakes.gateway_app import SYSTEM, build_services, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.app import create_app

WORDS = ("one", "two", "three", "four")
CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
ASK = {"messages": [{"role": "user", "content": "hi"}]}
PATHS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": ASK,
    "/v1/messages": {**ASK, "max_tokens": 50},
    "/v1/responses": {"input": "hi"},
}


def stream_body() -> bytes:
    """Return a whole stream of a provider: a chunk per word, the finish reason and the last event."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": WORDS[0]}]
    deltas += [{"content": word} for word in WORDS[1:]]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    events = [json.dumps({**CHUNK, "choices": [choice]}) for choice in choices]
    return "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"]).encode()


def writes(folder: Path, path: str, answer: FakeResponse) -> list[str]:
    """Return the bodies that the gateway sends for a streamed request, one for each write."""
    sent: list[str] = []

    async def scenario(_: httpx.AsyncClient) -> None:
        app = create_app(services)

        async def recorded(scope: Scope, receive: Receive, send: Send) -> None:
            async def record(message: Message) -> None:
                if message.get("body"):
                    sent.append(message["body"].decode())
                await send(message)

            await app(scope, receive, record)

        transport = httpx.ASGITransport(recorded)
        headers = {"authorization": f"Bearer {SYSTEM}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as http:
            body = {**PATHS[path], "model": "one/gpt-fake", "stream": True}
            for _ in range(2):  # the first request imports modules while its provider goes on
                sent.clear()
                response = await http.post(path, json=body)
                assert response.status_code == 200, response.text

    with FakeProvider() as provider:
        provider.script("gpt-fake", answer, answer)
        services = build_services(folder, provider)
        run_with_client(services, scenario)
    return sent


@pytest.mark.parametrize("path", PATHS)
def test_events_of_one_read_are_one_write(path: str, tmp_path: Path) -> None:
    """Events that arrive from the provider in one read reach the client in one write, in their order."""
    sent = writes(tmp_path, path, FakeResponse(body=stream_body(), content_type="text/event-stream"))

    with_words = [body for body in sent if any(f'"{word}"' in body for word in WORDS)]
    first = with_words[0]
    assert all(f'"{word}"' in first for word in WORDS)
    assert [first.index(f'"{word}"') for word in WORDS] == sorted(first.index(f'"{word}"') for word in WORDS)


@pytest.mark.parametrize("path", PATHS)
def test_no_event_waits_for_the_next_read(path: str, tmp_path: Path) -> None:
    """Events that arrive apart are written apart: none is delayed until another one comes."""
    sent = writes(tmp_path, path, FakeResponse(text="one two three four", pause=0.03))

    with_deltas = [body for body in sent if "delta" in body]
    assert len(with_deltas) >= len(WORDS)
