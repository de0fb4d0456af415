"""OpenAI's agents library, over chat completions and over responses."""

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

from tests.clients.conftest import PICTURE, House

QUIET = RunConfig(tracing_disabled=True)  # traces would go to OpenAI
LOOK: list[TResponseInputItem] = [
    {
        "role": "user",
        "content": [
            {"type": "input_text", "text": "call weather for this picture"},
            {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}", "detail": "auto"},
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
def chat(request: pytest.FixtureRequest, house: House, model: str) -> Model:
    client = openai.AsyncOpenAI(base_url=house.url, api_key=house.key, max_retries=0)
    made: Model = request.param(model=model, openai_client=client)
    return made


def test_tools_go_round_with_a_picture(chat: Model, house: House) -> None:
    """An agent looks at a picture, calls its tool and tells the result."""
    agent = Agent(name="sky", instructions="be brief", model=chat, tools=[weather])

    done = asyncio.run(Runner.run(agent, LOOK, run_config=QUIET))

    assert "sunny in a city" in done.final_output
    assert done.context_wrapper.usage.requests == 2
    assert [PICTURE in json.dumps(each["body"]) for each in house.asked()] == [True, True]


def test_a_handoff_reaches_the_other_agent(chat: Model) -> None:
    """A handoff is a tool without arguments; the agent it leads to answers."""
    other: Agent[Any] = Agent(name="sky", model=chat)
    first: Agent[Any] = Agent(name="desk", model=chat, handoffs=[other])

    done = asyncio.run(Runner.run(first, "call transfer_to_sky", run_config=QUIET))

    assert done.last_agent is other


def test_structured_output_is_streamed(chat: Model) -> None:
    """A streamed run gives text deltas that make up the object it ends in."""
    agent: Agent[Any] = Agent(name="map", model=chat, output_type=Place)

    async def run() -> tuple[str, Any]:
        streamed = Runner.run_streamed(agent, "where is it?", run_config=QUIET)
        events = [event async for event in streamed.stream_events() if event.type == "raw_response_event"]
        pieces = [event.data.delta for event in events if isinstance(event.data, ResponseTextDeltaEvent)]
        return "".join(pieces), streamed.final_output

    told, final = asyncio.run(run())

    assert final == Place(city="a city", days=3)
    assert json.loads(told) == final.model_dump()


def test_a_streamed_run_calls_tools(chat: Model, house: House) -> None:
    """The tool loop streams as well, and its usage is counted."""
    agent: Agent[Any] = Agent(name="sky", model=chat, tools=[weather])

    async def run() -> Any:
        streamed = Runner.run_streamed(agent, LOOK, run_config=QUIET)
        async for _ in streamed.stream_events():
            pass
        return streamed

    done = asyncio.run(run())

    assert "sunny in a city" in done.final_output
    assert [each["stream"] for each in house.asked()] == [True, True]
