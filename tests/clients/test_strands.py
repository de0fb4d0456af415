"""Strands Agents, over chat completions, Responses and the Messages API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.conftest import GatewayProcess
from tests.clients.weather import Place

strands = pytest.importorskip("strands")


@strands.tool
def weather(city: str) -> str:
    """Return the weather of a city."""
    return f"sunny in {city}"


def chat(gateway: GatewayProcess, model: str) -> Any:
    from strands.models.openai import OpenAIModel

    return OpenAIModel(client_args={"base_url": gateway.url, "api_key": gateway.key}, model_id=model)


def responses(gateway: GatewayProcess, model: str) -> Any:
    from strands.models.openai_responses import OpenAIResponsesModel

    return OpenAIResponsesModel(client_args={"base_url": gateway.url, "api_key": gateway.key}, model_id=model)


def messages(gateway: GatewayProcess, model: str) -> Any:
    from strands.models.anthropic import AnthropicModel

    address = {"base_url": gateway.url.removesuffix("/v1"), "api_key": gateway.key}
    return AnthropicModel(client_args=address, model_id=model, max_tokens=500)


BUILDERS: list[Callable[[GatewayProcess, str], Any]] = [chat, responses, messages]


@pytest.fixture(params=BUILDERS, ids=lambda builder: builder.__name__)
def agent(request: pytest.FixtureRequest, gateway: GatewayProcess, model: str) -> Any:
    return strands.Agent(model=request.param(gateway, model), tools=[weather], callback_handler=None)


def test_a_tool_loop(agent: Any) -> None:
    """The agent runs the tool, and the model's answer quotes its output."""
    assert "sunny in a city" in str(agent("call weather"))


def test_a_stream(agent: Any) -> None:
    """Text arrives in several pieces."""

    async def pieces() -> list[str]:
        return [event["data"] async for event in agent.stream_async("hello") if "data" in event]

    assert len(asyncio.run(pieces())) > 1


def test_structured_output(agent: Any) -> None:
    """The agent returns an object of the requested class."""
    result = agent("describe a place", structured_output_model=Place)

    assert isinstance(result.structured_output, Place)
