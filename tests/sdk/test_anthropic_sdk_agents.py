"""Tool runners, threads, context edits and errors of the official `anthropic` package, with every dialect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic import beta_tool

from tests.sdk.conftest import SdkGateway

FOREIGN = ["openai/gpt-4o-mini", "gemini/gemini-2.5-flash"]


@pytest.fixture
def client(gateway: SdkGateway) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key=gateway.key, base_url=gateway.process.url, max_retries=0) as sdk_client:
        yield sdk_client


@beta_tool
def weather(city: str) -> str:
    """Tells the weather.

    Args:
        city: its name
    """
    return f"rain in {city}"


def text(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


@pytest.mark.parametrize("name", FOREIGN)
def test_r27_a_tool_runner_ends_with_the_answer(client: anthropic.Anthropic, name: str) -> None:
    """The SDK's runner, which uses threads by default, goes on with the whole conversation elsewhere."""
    question: Any = [{"role": "user", "content": "call weather"}]
    runner = client.beta.messages.tool_runner(
        model=name, max_tokens=3_000, tools=[weather], messages=question
    )
    messages = list(runner)

    assert [block.name for block in messages[0].content if block.type == "tool_use"] == ["weather"]
    assert messages[-1].stop_reason == "end_turn"
    assert "rain" in text(messages[-1])


@pytest.mark.parametrize("name", FOREIGN)
def test_r27_a_thread_remembers_what_was_said(
    gateway: SdkGateway, client: anthropic.Anthropic, name: str
) -> None:
    """The second turn of a thread contains the first one, although the provider holds no threads."""
    behavior: Any = {"unsupported_request_behavior": "continue_unthreaded"}
    thread = client.beta.messages.thread(model=name, max_tokens=3_000, **behavior)
    first = thread.send({"role": "user", "content": "my name is Bo"})
    reply = thread.send({"role": "user", "content": "what is my name?"})

    assert "what is my name?" in text(reply)
    assert reply.usage.input_tokens > 2 * first.usage.input_tokens


@pytest.mark.parametrize("name", FOREIGN)
def test_r26_the_sdk_reads_applied_edits(client: anthropic.Anthropic, name: str) -> None:
    """`context_management` of the response has the SDK's own type, streamed or not."""
    call = {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Ulm"}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "rain " * 200}
    messages: Any = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]
    edit = {"type": "clear_tool_uses_20250919", "trigger": {"type": "tool_uses", "value": 0}}
    config: Any = {"edits": [{**edit, "keep": {"type": "tool_uses", "value": 0}}]}
    fields: Any = {"model": name, "max_tokens": 300, "messages": messages, "tools": [weather.to_dict()]}
    buffered = client.beta.messages.create(**fields, context_management=config)
    with client.beta.messages.stream(**fields, context_management=config) as stream:
        streamed = stream.get_final_message()

    for message in (buffered, streamed):
        assert message.context_management is not None
        (applied,) = message.context_management.applied_edits
        assert applied.type == "clear_tool_uses_20250919"
        assert applied.cleared_tool_uses == 1


def test_r21_errors_name_the_request(client: anthropic.Anthropic) -> None:
    """`request_id` of a response and of an error is the gateway's id of the request."""
    message = client.messages.create(
        model="openai/gpt-4o-mini", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
    )
    with pytest.raises(anthropic.NotFoundError) as raised:
        client.messages.create(model="nobody/m", max_tokens=9, messages=[{"role": "user", "content": "hi"}])

    assert message._request_id
    assert raised.value.request_id
    assert raised.value.response.headers["x-should-retry"] == "false"
