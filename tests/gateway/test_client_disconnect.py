"""What is known of an answer that nobody heard to its end, or that bears another name."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from tests.fakes.faults import ask, chat, events, house
from tests.fakes.provider import Answer, FakeProvider
from vaultcore.call import Call
from vaultcore.routing.attempts import RetryPolicy


def test_u8_a_stream_left_early_keeps_its_usage(tmp_path: Path) -> None:
    """The usage told until a client left is the call's, so that what it read can be accounted for."""
    with FakeProvider() as provider:
        provider.script("claude-fake", Answer(pause=0.02, usage=(17, 5)))
        services = house(tmp_path, provider.base_url, provider)
        call = Call(
            "1",
            {"model": "two/claude-fake", "messages": [{"role": "user", "content": "hi"}], "stream": True},
            0.0,
            RetryPolicy(),
        )

        async def leave() -> None:
            async with aclosing(services.gateway.stream(call)) as pieces:
                await anext(pieces)
            await services.gateway.upstream.aclose()

        asyncio.run(leave())

    assert call.usage is not None
    assert call.usage["prompt_tokens"] == 17


@pytest.mark.parametrize("stream", [False, True])
def test_q38_the_model_is_called_as_it_was_asked_for(tmp_path: Path, stream: bool) -> None:
    """Whatever name a provider gives its model, the answer bears the name in the request."""

    async def story(client: httpx.AsyncClient) -> httpx.Response:
        return await chat(client, "fast", stream=stream)

    with FakeProvider() as provider:
        response = ask(house(tmp_path, provider.base_url, provider), story)
        told = [event for event in events(response) if event != "[DONE]"] if stream else [response.json()]

        assert {each["model"] for each in told} == {"fast"}
        assert response.headers["x-vaultedge-model"] == "gpt-fake"
