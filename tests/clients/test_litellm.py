"""LiteLLM as a client, of chat completions and of Anthropic's messages."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import litellm
import pytest
from pydantic import BaseModel

from tests.clients.conftest import PICTURE, House

LOOK: list[Any] = [
    {"role": "system", "content": "be brief"},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "call weather, then weather, for this picture"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
        ],
    },
]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
COUNTED = {"include_usage": True}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]


class Place(BaseModel):
    """A place on a map."""

    city: str
    days: int


@pytest.fixture
def ask(house: House, model: str) -> Callable[..., Any]:
    def complete(messages: list[Any], **more: Any) -> Any:
        return litellm.completion(
            model=f"openai/{model}",
            api_base=house.url,
            api_key=house.key,
            messages=messages,
            max_retries=0,
            **more,
        )

    return complete


@pytest.fixture(params=["chat", "messages"])
def either(
    request: pytest.FixtureRequest, ask: Callable[..., Any], house: House, model: str
) -> Callable[..., Any]:
    """The same call through each of the two APIs."""
    if request.param == "chat":
        return ask
    root = house.url.removesuffix("/v1")
    return partial(litellm.completion, f"anthropic/{model}", api_base=root, api_key=house.key, max_retries=0)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_tools_go_round_with_a_picture(either: Callable[..., Any], house: House, stream: bool) -> None:
    """Parallel calls are made, their results sent back and told, streamed or not."""

    def answered(messages: list[Any]) -> Any:
        if stream:
            return litellm.stream_chunk_builder(
                list(either(messages=messages, tools=TOOLS, stream=True, stream_options=COUNTED))
            )
        return either(messages=messages, tools=TOOLS)

    first = answered(LOOK).choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"sunny {number}"}
        for number, call in enumerate(first.tool_calls)
    ]
    last = answered([*LOOK, first.model_dump(), *results])

    assert [json.loads(call.function.arguments) for call in first.tool_calls] == [{"city": "a city"}] * 2
    assert "sunny 0; sunny 1" in last.choices[0].message.content
    assert last.usage.total_tokens > 0
    assert [PICTURE in json.dumps(each["body"]) for each in house.asked()] == [True, True]


def test_structured_output_is_streamed(ask: Callable[..., Any]) -> None:
    """A pydantic model as response_format comes back as JSON that it reads."""
    chunks = list(ask([{"role": "user", "content": "where is it?"}], response_format=Place, stream=True))
    told = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

    assert Place.model_validate_json(told) == Place(city="a city", days=3)
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "stop"


def test_an_unknown_model_is_a_not_found_error(house: House) -> None:
    """Refusals are LiteLLM's own classes."""
    with pytest.raises(litellm.NotFoundError):
        litellm.completion(
            model="openai/no-such-model",
            api_base=house.url,
            api_key=house.key,
            messages=[{"role": "user", "content": "hi"}],
            max_retries=0,
        )
