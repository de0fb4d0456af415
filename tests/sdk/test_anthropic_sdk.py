"""The official `anthropic` package against a served gateway, with every dialect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.sdk.conftest import SdkGateway
from vaultcore.simulators.faults import InjectedFault

QUESTION: Any = [{"role": "user", "content": "why is the sky blue?"}]
CALLS: Any = [{"role": "user", "content": "call weather, then weather, then now"}]
WEATHER: Any = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: Any = [
    {"name": "weather", "description": "Tells the weather", "input_schema": WEATHER},
    {"name": "now", "input_schema": {"type": "object", "properties": {}}},
]
EXPECTED_CALLS = [("weather", {"city": "a city"}), ("weather", {"city": "a city"}), ("now", {})]
DOT = {
    "type": "image",
    "source": {
        "type": "base64",
        "media_type": "image/gif",
        "data": "R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==",
    },
}


@pytest.fixture
def client(gateway: SdkGateway) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key=gateway.key, base_url=gateway.process.url, max_retries=0) as sdk_client:
        yield sdk_client


def tool_calls_of(message: Any) -> list[tuple[str, Any]]:
    return [(block.name, block.input) for block in message.content if block.type == "tool_use"]


def text(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_a_message(client: anthropic.Anthropic, model: str) -> None:
    """A message has text, a stop reason and usage."""
    response = client.messages.create(model=model, max_tokens=200, system="be brief", messages=QUESTION)

    assert "why is the sky blue?" in text(response)
    assert (response.type, response.role, response.stop_reason) == ("message", "assistant", "end_turn")
    assert response.id.startswith("msg_")
    assert response.usage.input_tokens >= 5
    assert response.usage.output_tokens > 20


def test_a_stream_equals_the_buffered_message(client: anthropic.Anthropic, model: str) -> None:
    """The stream helper accumulates the same message as a buffered request."""
    buffered = client.messages.create(model=model, max_tokens=200, messages=QUESTION)
    with client.messages.stream(model=model, max_tokens=200, messages=QUESTION) as stream:
        fragments = list(stream.text_stream)
        final = stream.get_final_message()

    assert "".join(fragments) == text(buffered) == text(final)
    assert len(fragments) > 5
    assert (final.stop_reason, final.usage.output_tokens) == (
        buffered.stop_reason,
        buffered.usage.output_tokens,
    )
    assert final.usage.input_tokens == buffered.usage.input_tokens


def test_max_tokens(client: anthropic.Anthropic, model: str) -> None:
    """A message that reaches its limit has the stop reason `max_tokens`."""
    response = client.messages.create(model=model, max_tokens=3, messages=QUESTION)

    assert response.stop_reason == "max_tokens"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_loop(client: anthropic.Anthropic, model: str, streamed: bool) -> None:
    """Parallel tool calls are blocks with parsed input; their results are accepted, one of them an image."""
    fields: Any = {"model": model, "max_tokens": 300, "messages": CALLS, "tools": TOOLS}
    if streamed:
        with client.messages.stream(**fields) as stream:
            message: Any = stream.get_final_message()
    else:
        message = client.messages.create(**fields)
    ids = [block.id for block in message.content if block.type == "tool_use"]
    contents: Any = ["sunny", [{"type": "text", "text": "rainy"}, DOT], "noon"]
    results = [
        {"type": "tool_result", "tool_use_id": key, "content": content}
        for key, content in zip(ids, contents, strict=True)
    ]
    history = [
        *CALLS,
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": [*results, {"type": "text", "text": "So?"}]},
    ]
    response = client.messages.create(model=model, max_tokens=300, tools=TOOLS, messages=history)

    assert message.stop_reason == "tool_use"
    assert tool_calls_of(message) == EXPECTED_CALLS
    assert len(set(ids)) == 3
    assert response.stop_reason == "end_turn"


def test_r6_tool_choice(client: anthropic.Anthropic, model: str) -> None:
    """A client can force one tool, forbid tools, or disable parallel tool use."""
    fields: Any = {"model": model, "max_tokens": 300, "tools": TOOLS}
    forced = client.messages.create(**fields, messages=QUESTION, tool_choice={"type": "tool", "name": "now"})
    none = client.messages.create(**fields, messages=CALLS, tool_choice={"type": "none"})
    one: Any = {"type": "auto", "disable_parallel_tool_use": True}

    assert tool_calls_of(forced) == [("now", {})]
    assert tool_calls_of(none) == []
    single = client.messages.with_raw_response.create(**fields, messages=CALLS, tool_choice=one)
    # The provider has no such option, and the gateway reports it.
    is_reported = "x-vaultedge-translation" in single.headers
    assert is_reported or len(tool_calls_of(single.parse())) == 1


def test_images_and_documents(client: anthropic.Anthropic, gateway: SdkGateway, model: str) -> None:
    """Images and plain-text documents reach the provider."""
    note: Any = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a note"}}
    content: Any = [{"role": "user", "content": [DOT, note, {"type": "text", "text": "what is this?"}]}]
    response = client.messages.create(model=model, max_tokens=200, messages=content)
    provider_request = str(gateway.simulators[model.partition("/")[0]].script.requests[-1].body)

    assert "what is this?" in text(response)
    assert DOT["source"]["data"] in provider_request  # type: ignore[index]
    assert "a note" in provider_request


def test_r13_count_tokens(client: anthropic.Anthropic, model: str) -> None:
    """Token counting includes tools and the system prompt."""
    question = client.messages.count_tokens(model=model, messages=QUESTION)
    with_tools = client.messages.count_tokens(model=model, messages=QUESTION, tools=TOOLS, system="be brief")

    assert 0 < question.input_tokens < with_tools.input_tokens


def test_raw_events(client: anthropic.Anthropic, model: str) -> None:
    """Every event is valid by the SDK's types, and the events are in order."""
    events = list(client.messages.create(model=model, max_tokens=200, messages=QUESTION, stream=True))
    kinds = [event.type for event in events if event.type != "content_block_delta"]
    expected = ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"]

    assert [kind for kind in kinds if kind != "ping"] == expected


def test_the_async_client(gateway: SdkGateway, model: str) -> None:
    """The asynchronous client returns the same text, buffered and streamed."""

    async def run() -> tuple[str, str]:
        sdk_client = anthropic.AsyncAnthropic(
            auth_token=gateway.key, base_url=gateway.process.url, max_retries=0
        )
        async with sdk_client as client:
            buffered = await client.messages.create(model=model, max_tokens=200, messages=QUESTION)
            async with client.messages.stream(model=model, max_tokens=200, messages=QUESTION) as stream:
                return text(buffered), "".join([fragment async for fragment in stream.text_stream])

    buffered, streamed = asyncio.run(run())

    assert buffered == streamed


def test_fallback(client: anthropic.Anthropic, gateway: SdkGateway) -> None:
    """If the first target of a route fails, the second one serves the request."""
    gateway.simulators["openai"].script.queue("gpt-4o-mini", *[InjectedFault(status=503)] * 4)
    response = client.messages.create(model="fast-llm", max_tokens=200, messages=QUESTION)
    gateway.simulators["openai"].script.clear()

    assert "simulated anthropic" in text(response)


def test_r12_errors_are_typed(client: anthropic.Anthropic, gateway: SdkGateway, model: str) -> None:
    """Every error is the SDK's own exception, with Anthropic's type in its body."""
    invalid: Any = [{"role": "robot", "content": "x"}]
    stranger = anthropic.Anthropic(api_key="ve-wrong", base_url=gateway.process.url, max_retries=0)
    gateway.simulators[model.partition("/")[0]].script.queue(
        model.partition("/")[2], *[InjectedFault(status=429)] * 4
    )
    with pytest.raises(anthropic.RateLimitError) as rate_limited:
        client.messages.create(model=model, max_tokens=9, messages=QUESTION)
    gateway.simulators[model.partition("/")[0]].script.clear()

    with stranger, pytest.raises(anthropic.AuthenticationError) as unauthenticated:
        stranger.messages.create(model=model, max_tokens=9, messages=QUESTION)
    with pytest.raises(anthropic.NotFoundError) as not_found:
        client.messages.create(model="unknown/model", max_tokens=9, messages=QUESTION)
    with pytest.raises(anthropic.BadRequestError) as bad_request:
        client.messages.create(model=model, max_tokens=9, messages=invalid)
    types = [each.value.type for each in (rate_limited, unauthenticated, not_found, bad_request)]

    assert types == ["rate_limit_error", "authentication_error", "not_found_error", "invalid_request_error"]
