"""OpenAI's agents library, with chat completions and Responses."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai
import pytest
from agents import (
    Agent,
    Model,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    RunConfig,
    Runner,
    function_tool,
)
from agents.items import TResponseInputItem
from openai.types.responses import ResponseTextDeltaEvent
from pydantic import BaseModel

from tests.clients.conftest import IMAGE, GatewayProcess

RUN_CONFIG = RunConfig(tracing_disabled=True)  # traces would go to OpenAI
LOOK: list[TResponseInputItem] = [
    {
        "role": "user",
        "content": [
            {"type": "input_text", "text": "call weather for this picture"},
            {"type": "input_image", "image_url": f"data:image/png;base64,{IMAGE}", "detail": "auto"},
        ],
    }
]


class Place(BaseModel):
    """A place on a map."""

    city: str
    days: int


@function_tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


@pytest.fixture(params=[OpenAIChatCompletionsModel, OpenAIResponsesModel], ids=["chat", "responses"])
def chat(request: pytest.FixtureRequest, gateway: GatewayProcess, model: str) -> Model:
    client = openai.AsyncOpenAI(base_url=gateway.url, api_key=gateway.key, max_retries=0)
    model_instance: Model = request.param(model=model, openai_client=client)
    return model_instance


def test_a_tool_loop_with_an_image(chat: Model, gateway: GatewayProcess) -> None:
    """An agent gets an image, calls its tool and returns the result."""
    agent = Agent(name="sky", instructions="be brief", model=chat, tools=[weather])

    result = asyncio.run(Runner.run(agent, LOOK, run_config=RUN_CONFIG))

    assert "sunny in a city" in result.final_output
    assert result.context_wrapper.usage.requests == 2
    assert [IMAGE in json.dumps(each["body"]) for each in gateway.take_requests()] == [True, True]


def test_a_handoff(chat: Model) -> None:
    """A handoff is a tool call without arguments, after which the other agent runs."""
    other: Agent[Any] = Agent(name="sky", model=chat)
    first: Agent[Any] = Agent(name="first", model=chat, handoffs=[other])

    result = asyncio.run(Runner.run(first, "call transfer_to_sky", run_config=RUN_CONFIG))

    assert result.last_agent is other


def test_structured_output_is_streamed(chat: Model) -> None:
    """The text deltas of a streamed run form the final object."""
    agent: Agent[Any] = Agent(name="map", model=chat, output_type=Place)

    async def run() -> tuple[str, Any]:
        streamed = Runner.run_streamed(agent, "where is it?", run_config=RUN_CONFIG)
        events = [event async for event in streamed.stream_events() if event.type == "raw_response_event"]
        parts = [event.data.delta for event in events if isinstance(event.data, ResponseTextDeltaEvent)]
        return "".join(parts), streamed.final_output

    text, final = asyncio.run(run())

    assert final == Place(city="a city", days=3)
    assert json.loads(text) == final.model_dump()


def test_a_streamed_run_calls_tools(chat: Model, gateway: GatewayProcess) -> None:
    """A streamed run calls tools with streamed requests."""
    agent: Agent[Any] = Agent(name="sky", model=chat, tools=[weather])

    async def run() -> Any:
        streamed = Runner.run_streamed(agent, LOOK, run_config=RUN_CONFIG)
        async for _ in streamed.stream_events():
            pass
        return streamed

    result = asyncio.run(run())

    assert "sunny in a city" in result.final_output
    assert [each["stream"] for each in gateway.take_requests()] == [True, True]
