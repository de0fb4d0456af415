"""LlamaIndex's `llama-index-llms-openai`. It knows OpenAI's model names only: one of them leads elsewhere."""

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

from tests.clients.conftest import PICTURE, House

PROVIDERS = {"gpt-4o-mini": "openai", "gpt-4.1-mini": "anthropic"}
LOOK = [
    ChatMessage(role=MessageRole.SYSTEM, content="be brief"),
    ChatMessage(
        role=MessageRole.USER,
        blocks=[
            TextBlock(text="call weather, then weather, for this picture"),
            ImageBlock(image=base64.b64decode(PICTURE), image_mimetype="image/png"),
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
def chat(request: pytest.FixtureRequest, house: House) -> OpenAI:
    return OpenAI(model=request.param, api_base=house.url, api_key=house.key, max_retries=0)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_tools_go_round_with_a_picture(chat: OpenAI, house: House, stream: bool) -> None:
    """Parallel calls are made, their results sent back and told, streamed or not."""

    def answered(messages: list[ChatMessage]) -> Any:
        asked = {"chat_history": messages, "allow_parallel_tool_calls": True}
        if stream:
            return list(chat.stream_chat_with_tools([WEATHER], **asked))[-1]
        return chat.chat_with_tools([WEATHER], **asked)

    first = answered(LOOK)
    calls = chat.get_tool_calls_from_response(first)
    results = [
        ChatMessage(
            role=MessageRole.TOOL, content=sky(**c.tool_kwargs), additional_kwargs={"tool_call_id": c.tool_id}
        )
        for c in calls
    ]
    last = answered([*LOOK, first.message, *results])
    asked = house.asked()

    assert [call.tool_kwargs for call in calls] == [{"city": "a city"}] * 2
    assert "sunny in a city; sunny in a city" in (last.message.content or "")
    assert [each["provider"] for each in asked] == [PROVIDERS[chat.model]] * 2
    assert [PICTURE in json.dumps(each["body"]) for each in asked] == [True, True]


def test_structured_output_is_streamed(chat: OpenAI) -> None:
    """stream_structured_predict ends in the whole object."""
    seen = list(chat.stream_structured_predict(Place, PromptTemplate("where is it?")))

    assert seen[-1] == Place(city="a city", days=3)


def test_structured_output_comes_whole(chat: OpenAI) -> None:
    """structured_predict gives the object at once."""
    assert chat.structured_predict(Place, PromptTemplate("where is it?")) == Place(city="a city", days=3)
