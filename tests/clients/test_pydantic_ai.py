"""Pydantic AI, with its OpenAI models: over chat completions and over responses."""

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

from tests.clients.conftest import PICTURE, House

LOOK = ["call weather for this picture", BinaryContent(base64.b64decode(PICTURE), media_type="image/png")]


class Place(BaseModel):
    """A place on a map."""

    city: str
    days: int


class Weather(BaseModel):
    """The sky over a city."""

    sky: str


@pytest.fixture(params=[OpenAIChatModel, OpenAIResponsesModel], ids=["chat", "responses"])
def chat(request: pytest.FixtureRequest, house: House, model: str) -> Model:
    made: Model = request.param(model, provider=OpenAIProvider(base_url=house.url, api_key=house.key))
    return made


def with_weather(agent: Agent[None, Any]) -> Agent[None, Any]:
    def weather(city: str) -> str:
        """The weather of a city."""
        return f"sunny in {city}"

    agent.tool_plain(weather)
    return agent


def test_tools_go_round_with_a_picture(chat: Model, house: House) -> None:
    """An agent looks at a picture, calls its tool and tells the result."""
    agent = with_weather(Agent(chat, instructions="be brief"))

    done = asyncio.run(agent.run(LOOK))

    assert "sunny in a city" in done.output
    assert done.usage.requests == 2
    assert done.usage.output_tokens > 0
    assert [PICTURE in json.dumps(each["body"]) for each in house.asked()] == [True, True]


def test_a_tool_loop_is_streamed(chat: Model, house: House) -> None:
    """The same loop, each of its two answers streamed."""
    agent = with_weather(Agent(chat))

    async def told() -> str:
        async with agent.run_stream(LOOK) as run:
            return "".join([piece async for piece in run.stream_text(delta=True)])

    assert "sunny in a city" in asyncio.run(told())
    assert [each["stream"] for each in house.asked()] == [True, True]


@pytest.mark.parametrize(
    "form", [ToolOutput, NativeOutput, PromptedOutput], ids=["tool", "native", "prompted"]
)
def test_structured_output_is_streamed(chat: Model, form: Any) -> None:
    """A stream of partial objects ends in the whole one: by a forced tool, a JSON schema, or words."""
    agent: Agent[None, Any] = Agent(chat, output_type=form(Place))

    async def seen() -> list[Place]:
        async with agent.run_stream("where is it?") as run:
            return [each async for each in run.stream_output(debounce_by=None)]

    assert asyncio.run(seen())[-1] == Place(city="a city", days=3)


def test_structured_output_comes_after_tools(chat: Model) -> None:
    """Function tools and a JSON schema go together: the tool first, the object last."""
    agent = with_weather(Agent(chat, output_type=NativeOutput(Weather)))

    done = asyncio.run(agent.run(LOOK))

    assert isinstance(done.output, Weather)
