"""Pydantic AI's OpenAI models, with chat completions and Responses."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, NativeOutput, PromptedOutput, ToolOutput
from pydantic_ai.models import Model
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

from tests.clients.conftest import IMAGE, GatewayProcess

LOOK = ["call weather for this picture", BinaryContent(base64.b64decode(IMAGE), media_type="image/png")]


class Place(BaseModel):
    """A place on a map."""

    city: str
    days: int


class Weather(BaseModel):
    """The sky over a city."""

    sky: str


@pytest.fixture(params=[OpenAIChatModel, OpenAIResponsesModel], ids=["chat", "responses"])
def chat(request: pytest.FixtureRequest, gateway: GatewayProcess, model: str) -> Model:
    model_instance: Model = request.param(
        model, provider=OpenAIProvider(base_url=gateway.url, api_key=gateway.key)
    )
    return model_instance


def with_weather(agent: Agent[None, Any]) -> Agent[None, Any]:
    def weather(city: str) -> str:
        """The weather of a city."""
        return f"sunny in {city}"

    agent.tool_plain(weather)
    return agent


def test_a_tool_loop_with_an_image(chat: Model, gateway: GatewayProcess) -> None:
    """An agent gets an image, calls its tool and returns the result."""
    agent = with_weather(Agent(chat, instructions="be brief"))

    result = asyncio.run(agent.run(LOOK))

    assert "sunny in a city" in result.output
    assert result.usage.requests == 2
    assert result.usage.output_tokens > 0
    assert [IMAGE in json.dumps(each["body"]) for each in gateway.take_requests()] == [True, True]


def test_a_tool_loop_is_streamed(chat: Model, gateway: GatewayProcess) -> None:
    """A streamed tool loop uses streamed requests."""
    agent = with_weather(Agent(chat))

    async def text() -> str:
        async with agent.run_stream(LOOK) as run:
            return "".join([piece async for piece in run.stream_text(delta=True)])

    assert "sunny in a city" in asyncio.run(text())
    assert [each["stream"] for each in gateway.take_requests()] == [True, True]


@pytest.mark.parametrize(
    "form", [ToolOutput, NativeOutput, PromptedOutput], ids=["tool", "native", "prompted"]
)
def test_structured_output_is_streamed(chat: Model, form: Any) -> None:
    """A stream of partial objects ends with the complete one, in every output mode."""
    agent: Agent[None, Any] = Agent(chat, output_type=form(Place))

    async def results() -> list[Place]:
        async with agent.run_stream("where is it?") as run:
            return [each async for each in run.stream_output(debounce_by=None)]

    assert asyncio.run(results())[-1] == Place(city="a city", days=3)


def test_structured_output_with_tools(chat: Model) -> None:
    """Function tools and a JSON schema work together."""
    agent = with_weather(Agent(chat, output_type=NativeOutput(Weather)))

    result = asyncio.run(agent.run(LOOK))

    assert isinstance(result.output, Weather)
