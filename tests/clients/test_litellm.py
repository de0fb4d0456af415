"""LiteLLM as a client, with chat completions and Anthropic's Messages."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import litellm
import pytest
from pydantic import BaseModel

from tests.clients.conftest import IMAGE, GatewayProcess

LOOK: list[Any] = [
    {"role": "system", "content": "be brief"},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "call weather, then weather, for this picture"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}},
        ],
    },
]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WITH_USAGE = {"include_usage": True}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]


class Place(BaseModel):
    """A place on a map."""

    city: str
    days: int


@pytest.fixture
def ask(gateway: GatewayProcess, model: str) -> Callable[..., Any]:
    def complete(messages: list[Any], **fields: Any) -> Any:
        return litellm.completion(
            model=f"openai/{model}",
            api_base=gateway.url,
            api_key=gateway.key,
            messages=messages,
            max_retries=0,
            **fields,
        )

    return complete


@pytest.fixture(params=["chat", "messages"])
def complete_with(
    request: pytest.FixtureRequest, ask: Callable[..., Any], gateway: GatewayProcess, model: str
) -> Callable[..., Any]:
    """Return a function that completes with one of the two APIs."""
    if request.param == "chat":
        return ask
    root = gateway.url.removesuffix("/v1")
    return partial(
        litellm.completion, f"anthropic/{model}", api_base=root, api_key=gateway.key, max_retries=0
    )


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_tool_loop_with_an_image(
    complete_with: Callable[..., Any], gateway: GatewayProcess, stream: bool
) -> None:
    """Parallel tool calls and their results work, buffered and streamed."""

    def complete(messages: list[Any]) -> Any:
        if stream:
            return litellm.stream_chunk_builder(
                list(complete_with(messages=messages, tools=TOOLS, stream=True, stream_options=WITH_USAGE))
            )
        return complete_with(messages=messages, tools=TOOLS)

    first = complete(LOOK).choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"sunny {number}"}
        for number, call in enumerate(first.tool_calls)
    ]
    last = complete([*LOOK, first.model_dump(), *results])

    assert [json.loads(call.function.arguments) for call in first.tool_calls] == [{"city": "a city"}] * 2
    assert "sunny 0; sunny 1" in last.choices[0].message.content
    assert last.usage.total_tokens > 0
    assert [IMAGE in json.dumps(each["body"]) for each in gateway.take_requests()] == [True, True]


def test_structured_output_is_streamed(ask: Callable[..., Any]) -> None:
    """A pydantic model as response_format is streamed as JSON."""
    chunks = list(ask([{"role": "user", "content": "where is it?"}], response_format=Place, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

    assert Place.model_validate_json(text) == Place(city="a city", days=3)
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "stop"


def test_an_unknown_model_is_a_not_found_error(gateway: GatewayProcess) -> None:
    """Errors are LiteLLM's own classes."""
    with pytest.raises(litellm.NotFoundError):
        litellm.completion(
            model="openai/no-such-model",
            api_base=gateway.url,
            api_key=gateway.key,
            messages=[{"role": "user", "content": "hi"}],
            max_retries=0,
        )
