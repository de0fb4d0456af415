"""Usage after a client disconnect, and the model name in responses."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from tests.fakes.faults import build_services, chat, parse_events, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.call import Call
from vaultcore.routing.attempts import RetryPolicy


def test_u8_a_stream_with_client_disconnect_keeps_its_usage(tmp_path: Path) -> None:
    """The usage reported before the client disconnected is in the call's outcome, so that it is charged."""
    with FakeProvider() as provider:
        provider.script("claude-fake", FakeResponse(pause=0.02, usage=(17, 5)))
        services = build_services(tmp_path, provider.base_url, provider)
        call = Call(
            "1",
            {"model": "two/claude-fake", "messages": [{"role": "user", "content": "hi"}], "stream": True},
            0.0,
            RetryPolicy(),
        )

        async def disconnect() -> None:
            async with aclosing(services.gateway.stream(call)) as items:
                await anext(items)
            await services.gateway.upstream.aclose()

        asyncio.run(disconnect())

    assert call.outcome.usage is not None
    assert call.outcome.usage["prompt_tokens"] == 17


@pytest.mark.parametrize("stream", [False, True])
def test_q38_responses_have_the_requested_model_name(tmp_path: Path, stream: bool) -> None:
    """A response has the model name of the request, and the provider's name in a header."""

    async def send_request(client: httpx.AsyncClient) -> httpx.Response:
        return await chat(client, "fast", stream=stream)

    with FakeProvider() as provider:
        response = run_with_client(build_services(tmp_path, provider.base_url, provider), send_request)
        bodies = (
            [event for event in parse_events(response) if event != "[DONE]"] if stream else [response.json()]
        )

        assert {each["model"] for each in bodies} == {"fast"}
        assert response.headers["x-vaultedge-model"] == "gpt-fake"
