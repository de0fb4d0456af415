"""LlamaIndex's `llama-index-llms-openai`.

It accepts only OpenAI's model names, so one of them is a route to another provider.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, MessageRole, TextBlock
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai import OpenAI
from pydantic import BaseModel

from tests.clients.conftest import IMAGE, GatewayProcess

PROVIDERS = {"gpt-4o-mini": "openai", "gpt-4.1-mini": "anthropic"}
LOOK = [
    ChatMessage(role=MessageRole.SYSTEM, content="be brief"),
    ChatMessage(
        role=MessageRole.USER,
        blocks=[
            TextBlock(text="call weather, then weather, for this picture"),
            ImageBlock(image=base64.b64decode(IMAGE), image_mimetype="image/png"),
        ],
    ),
]


class Place(BaseModel):
    """A place on a map."""

    city: str
    days: int


def sky(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


WEATHER = FunctionTool.from_defaults(sky, name="weather")


@pytest.fixture(params=PROVIDERS)
def chat(request: pytest.FixtureRequest, gateway: GatewayProcess) -> OpenAI:
    return OpenAI(model=request.param, api_base=gateway.url, api_key=gateway.key, max_retries=0)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_tool_loop_with_an_image(chat: OpenAI, gateway: GatewayProcess, stream: bool) -> None:
    """Parallel tool calls and their results work, buffered and streamed."""

    def complete(messages: list[ChatMessage]) -> Any:
        fields = {"chat_history": messages, "allow_parallel_tool_calls": True}
        if stream:
            return list(chat.stream_chat_with_tools([WEATHER], **fields))[-1]
        return chat.chat_with_tools([WEATHER], **fields)

    first = complete(LOOK)
    calls = chat.get_tool_calls_from_response(first)
    results = [
        ChatMessage(
            role=MessageRole.TOOL, content=sky(**c.tool_kwargs), additional_kwargs={"tool_call_id": c.tool_id}
        )
        for c in calls
    ]
    last = complete([*LOOK, first.message, *results])
    requests = gateway.take_requests()

    assert [call.tool_kwargs for call in calls] == [{"city": "a city"}] * 2
    assert "sunny in a city; sunny in a city" in (last.message.content or "")
    assert [each["provider"] for each in requests] == [PROVIDERS[chat.model]] * 2
    assert [IMAGE in json.dumps(each["body"]) for each in requests] == [True, True]


def test_structured_output_is_streamed(chat: OpenAI) -> None:
    """stream_structured_predict ends with the complete object."""
    results = list(chat.stream_structured_predict(Place, PromptTemplate("where is it?")))

    assert results[-1] == Place(city="a city", days=3)


def test_structured_output(chat: OpenAI) -> None:
    """structured_predict returns the object."""
    assert chat.structured_predict(Place, PromptTemplate("where is it?")) == Place(city="a city", days=3)
