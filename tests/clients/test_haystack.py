"""Haystack's generators, over chat completions and Responses, in its `Agent`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.conftest import GatewayProcess
from tests.clients.weather import Place, weather

chat_generators = pytest.importorskip("haystack.components.generators.chat")


@pytest.fixture(params=["OpenAIChatGenerator", "OpenAIResponsesChatGenerator"])
def generator(request: pytest.FixtureRequest, gateway: GatewayProcess, other_model: str) -> Any:
    from haystack.utils import Secret

    kind = getattr(chat_generators, request.param)
    key = Secret.from_token(gateway.key)
    return kind(model=other_model, api_base_url=gateway.url, api_key=key, max_retries=0)


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


def test_structured_output(generator: Any) -> None:
    """The answer is an object of the requested class."""
    is_chat = type(generator).__name__ == "OpenAIChatGenerator"
    fields = {"response_format" if is_chat else "text_format": Place}
    [reply] = generator.run(messages("where is it?"), generation_kwargs=fields)["replies"]

    assert Place.model_validate_json(reply.text)
