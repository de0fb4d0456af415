"""LangChain's `langchain-openai`, with chat completions and Responses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from tests.clients.conftest import IMAGE, GatewayProcess

LOOK = [
    SystemMessage("be brief"),
    HumanMessage(
        [
            {"type": "text", "text": "call weather, then weather, for this picture"},
            {"type": "image", "base64": IMAGE, "mime_type": "image/png"},
        ]
    ),
]


class Place(BaseModel):
    """A place on a map."""

    city: str
    days: int


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


@pytest.fixture(params=[False, True], ids=["chat", "responses"])
def chat(request: pytest.FixtureRequest, gateway: GatewayProcess, model: str) -> ChatOpenAI:
    return ChatOpenAI(
        model=model,
        base_url=gateway.url,
        api_key=gateway.key,
        max_retries=0,
        stream_usage=True,
        use_responses_api=request.param,
    )


def test_a_tool_loop_with_an_image(chat: ChatOpenAI, gateway: GatewayProcess) -> None:
    """Parallel tool calls and their results work, and the image is in each provider request."""
    bound = chat.bind_tools([weather])
    first = bound.invoke(LOOK)
    results = [weather.invoke(call) for call in first.tool_calls]
    last = bound.invoke([*LOOK, first, *results])

    assert [(call["name"], call["args"]) for call in first.tool_calls] == [
        ("weather", {"city": "a city"})
    ] * 2
    assert "sunny in a city; sunny in a city" in last.text
    assert last.usage_metadata is not None
    assert last.usage_metadata["total_tokens"] > 0
    assert [IMAGE in json.dumps(each["body"]) for each in gateway.take_requests()] == [True, True]


def test_streamed_chunks_are_added(chat: ChatOpenAI) -> None:
    """LangChain adds the chunks of a streamed tool loop to the same calls and usage."""
    bound = chat.bind_tools([weather], parallel_tool_calls=False)
    first: Any = None
    for chunk in bound.stream(LOOK):
        first = chunk if first is None else first + chunk
    assert isinstance(first, AIMessageChunk)
    result = ToolMessage("rain", tool_call_id=first.tool_calls[0]["id"])
    text = "".join(chunk.text for chunk in bound.stream([*LOOK, first, result]))

    assert [call["args"] for call in first.tool_calls] == [{"city": "a city"}]
    assert first.usage_metadata is not None
    assert "The tool answered: rain." in text


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structured_output_is_streamed(chat: ChatOpenAI, method: Any) -> None:
    """with_structured_output streams an object, by JSON schema and by a forced tool."""
    parts = list(chat.with_structured_output(Place, method=method).stream("where is it?"))

    assert parts[-1] == Place(city="a city", days=3)
