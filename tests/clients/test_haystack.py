"""Haystack's generators, over chat completions and Responses, in its `Agent`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.conftest import GatewayProcess
from tests.clients.weather import weather

chat_generators = pytest.importorskip("haystack.components.generators.chat")


@pytest.fixture(params=["OpenAIChatGenerator", "OpenAIResponsesChatGenerator"])
def generator(request: pytest.FixtureRequest, gateway: GatewayProcess, model: str) -> Any:
    from haystack.utils import Secret

    kind = getattr(chat_generators, request.param)
    return kind(model=model, api_base_url=gateway.url, api_key=Secret.from_token(gateway.key), max_retries=0)


def messages(text: str) -> list[Any]:
    from haystack.dataclasses import ChatMessage

    return [ChatMessage.from_user(text)]


def test_a_tool_loop(generator: Any) -> None:
    """The agent runs the tool, and the model's answer quotes its output."""
    from haystack.components.agents import Agent
    from haystack.tools import create_tool_from_function

    agent = Agent(chat_generator=generator, tools=[create_tool_from_function(weather)])
    result = agent.run(messages=messages("call weather"))

    assert "sunny in a city" in result["last_message"].text


def test_a_stream(generator: Any) -> None:
    """Text arrives in several chunks."""
    chunks: list[Any] = []
    generator.run(messages("hello"), streaming_callback=chunks.append)

    assert len([chunk for chunk in chunks if chunk.content]) > 1
