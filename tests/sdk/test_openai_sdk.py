"""The official `openai` package against a served gateway, with every dialect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.sdk.conftest import SdkGateway
from vaultcore.simulators.faults import InjectedFault

QUESTION: Any = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "why is the sky blue?"},
]
CALLS: Any = [{"role": "user", "content": "call weather, then weather, then now"}]
WEATHER: Any = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: Any = [
    {"type": "function", "function": {"name": "weather", "parameters": WEATHER}},
    {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}},
]
EXPECTED_CALLS = [("weather", {"city": "a city"}), ("weather", {"city": "a city"}), ("now", {})]


@pytest.fixture
def client(gateway: SdkGateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=gateway.key, base_url=gateway.url, max_retries=0) as sdk_client:
        yield sdk_client


def tool_calls_of(message: Any) -> list[tuple[str, Any]]:
    return [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []]


def test_a_completion(client: openai.OpenAI, model: str) -> None:
    """A completion has text, a finish reason, the requested model, and usage that adds up."""
    response = client.chat.completions.create(model=model, messages=QUESTION)

    assert "why is the sky blue?" in (response.choices[0].message.content or "")
    assert response.choices[0].finish_reason == "stop"
    assert response.model == model
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.prompt_tokens + response.usage.completion_tokens > 20


def test_a_stream_equals_the_buffered_completion(client: openai.OpenAI, model: str) -> None:
    """The chunks of a stream contain the text of the buffered completion."""
    buffered = client.chat.completions.create(model=model, messages=QUESTION)
    chunks = list(client.chat.completions.create(model=model, messages=QUESTION, stream=True))

    assert "".join(c.choices[0].delta.content or "" for c in chunks) == buffered.choices[0].message.content
    assert len(chunks) > 5
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1


def test_streamed_usage(client: openai.OpenAI, model: str) -> None:
    """With include_usage, only the last chunk has usage and no choices."""
    options = {"include_usage": True}
    buffered = client.chat.completions.create(model=model, messages=QUESTION)
    chunks = list(
        client.chat.completions.create(model=model, messages=QUESTION, stream=True, stream_options=options)  # type: ignore[call-overload]
    )

    assert [bool(chunk.choices) for chunk in chunks] == [True] * (len(chunks) - 1) + [False]
    assert chunks[-1].usage is not None
    assert buffered.usage is not None
    assert chunks[-1].usage.total_tokens == buffered.usage.total_tokens


def test_the_stream_helper(client: openai.OpenAI, model: str) -> None:
    """`.stream()` accumulates text, parallel tool calls and the finish reason."""
    with client.chat.completions.stream(model=model, messages=CALLS, tools=TOOLS) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()

    assert tool_calls_of(final.choices[0].message) == EXPECTED_CALLS
    assert final.choices[0].finish_reason == "tool_calls"
    assert "tool_calls.function.arguments.done" in kinds


def test_parallel_calls_have_their_own_index(client: openai.OpenAI, model: str) -> None:
    """Each streamed call has its own index, sends id and name once, and sends {} without arguments."""
    by_index: dict[int, list[Any]] = {}
    for chunk in client.chat.completions.create(model=model, messages=CALLS, tools=TOOLS, stream=True):
        for call in chunk.choices[0].delta.tool_calls or []:
            by_index.setdefault(call.index, []).append(call)

    assert sorted(by_index) == [0, 1, 2]
    assert ["".join(p.function.arguments or "" for p in fragments) for fragments in by_index.values()] == [
        json.dumps(arguments) for _, arguments in EXPECTED_CALLS
    ]
    for fragments in by_index.values():
        assert [bool(fragment.id) for fragment in fragments] == [True] + [False] * (len(fragments) - 1)
        assert [bool(fragment.function.name) for fragment in fragments] == [True] + [False] * (
            len(fragments) - 1
        )
    assert len({fragments[0].id for fragments in by_index.values()}) == 3


def test_a_tool_loop(client: openai.OpenAI, model: str) -> None:
    """Tool calls and their results return to the provider, which checks every id."""
    first = client.chat.completions.create(model=model, messages=CALLS, tools=TOOLS)
    message = first.choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"result {number}"}
        for number, call in enumerate(message.tool_calls or [])
    ]
    history: Any = [*CALLS, message.model_dump(exclude_none=True), *results]

    second = client.chat.completions.create(model=model, messages=history, tools=TOOLS)

    assert tool_calls_of(message) == EXPECTED_CALLS
    assert second.choices[0].message.content is not None
    assert "result 0; result 1; result 2" in second.choices[0].message.content


def test_forced_and_single_calls(client: openai.OpenAI, model: str) -> None:
    """tool_choice and parallel_tool_calls work with every provider."""
    named: Any = {"type": "function", "function": {"name": "now"}}
    forced = client.chat.completions.create(model=model, messages=QUESTION, tools=TOOLS, tool_choice=named)
    required = client.chat.completions.create(
        model=model, messages=QUESTION, tools=TOOLS, tool_choice="required"
    )
    single = client.chat.completions.with_raw_response.create(
        model=model, messages=CALLS, tools=TOOLS, parallel_tool_calls=False
    )
    none = client.chat.completions.create(model=model, messages=CALLS, tools=TOOLS, tool_choice="none")

    assert tool_calls_of(forced.choices[0].message) == [("now", {})]
    assert tool_calls_of(required.choices[0].message) == EXPECTED_CALLS[:1]
    # The provider has no such option, and the gateway reports it.
    is_reported = "x-vaultedge-translation" in single.headers
    assert is_reported or tool_calls_of(single.parse().choices[0].message) == EXPECTED_CALLS[:1]
    assert none.choices[0].message.tool_calls is None


def test_the_token_limit(client: openai.OpenAI, model: str) -> None:
    """A completion cut by max_completion_tokens has the finish reason `length`."""
    response = client.chat.completions.create(model=model, messages=QUESTION, max_completion_tokens=5)

    assert response.choices[0].finish_reason == "length"


def test_concurrent_requests(gateway: SdkGateway, model: str) -> None:
    """Sixteen concurrent requests succeed, half of them streamed."""

    async def ask(client: openai.AsyncOpenAI, number: int) -> str:
        messages: Any = [{"role": "user", "content": f"question {number}"}]
        if number % 2:
            response = await client.chat.completions.create(model=model, messages=messages)
            return response.choices[0].message.content or ""
        fragments = await client.chat.completions.create(model=model, messages=messages, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in fragments])

    async def ask_all() -> list[str]:
        async with openai.AsyncOpenAI(api_key=gateway.key, base_url=gateway.url, max_retries=0) as client:
            return await asyncio.gather(*(ask(client, number) for number in range(16)))

    answers = asyncio.run(ask_all())

    assert all(f"question {number}”" in response for number, response in enumerate(answers))


def test_models_are_listed(client: openai.OpenAI) -> None:
    """models.list contains the reachable models and routes; models.retrieve returns each of them."""
    names = [model.id for model in client.models.list()]

    assert "fast-llm" in names
    assert len(names) == len(set(names)) > 10
    assert client.models.retrieve("fast-llm").id == "fast-llm"


def test_response_headers(client: openai.OpenAI, model: str) -> None:
    """The headers name provider, model, attempts and request id."""
    raw = client.chat.completions.with_raw_response.create(model=model, messages=QUESTION)

    provider, _, name = model.partition("/")
    assert raw.headers["x-vaultedge-provider"] == provider
    assert raw.headers["x-vaultedge-model"] == name
    assert raw.headers["x-vaultedge-attempts"] == "1"
    assert raw.headers["x-request-id"]
    assert raw.parse().choices


def test_a_wrong_key_is_an_authentication_error(gateway: SdkGateway) -> None:
    """A wrong key raises AuthenticationError."""
    stranger = openai.OpenAI(api_key="ve-" + "0" * 48, base_url=gateway.url, max_retries=0)

    with stranger, pytest.raises(openai.AuthenticationError) as caught:
        stranger.chat.completions.create(model="fast-llm", messages=QUESTION)

    assert caught.value.code == "invalid_api_key"


def test_an_unknown_model_is_a_not_found_error(client: openai.OpenAI) -> None:
    """An unknown model raises NotFoundError, which names the parameter."""
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="no-such-model", messages=QUESTION)

    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": "hello"}, "messages"),
        ({"messages": []}, "messages"),
        ({"model": None}, "model"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_a_bad_request_names_its_parameter(client: openai.OpenAI, change: Any, param: str) -> None:
    """An invalid request raises BadRequestError with the parameter."""
    body = {"model": "fast-llm", "messages": QUESTION, **change}

    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", body=body, cast_to=object)

    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"


def test_an_invalid_role_is_a_bad_request(client: openai.OpenAI, model: str) -> None:
    """A message with an unknown role raises BadRequestError."""
    calls: Any = [
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        {"role": "robot", "content": "x"},
    ]

    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=model, messages=calls)


def test_a_rate_limit_everywhere_is_a_rate_limit_error(gateway: SdkGateway, client: openai.OpenAI) -> None:
    """If every provider returns 429, the SDK raises RateLimitError with Retry-After."""
    for simulator in gateway.simulators.values():
        simulator.script.queue("*", *[InjectedFault(status=429, retry_after=1)] * 4)

    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="fast-llm", messages=QUESTION)

    for simulator in gateway.simulators.values():
        simulator.script.clear()
    assert int(caught.value.response.headers["retry-after"]) >= 1


def test_fallback(gateway: SdkGateway, client: openai.OpenAI) -> None:
    """If the first target fails, the response comes from the second one, which a header names."""
    gateway.simulators["openai"].script.queue("gpt-4o-mini", *[InjectedFault(status=503)] * 4)

    raw = client.chat.completions.with_raw_response.create(model="fast-llm", messages=QUESTION)

    gateway.simulators["openai"].script.clear()
    assert raw.headers["x-vaultedge-provider"] == "anthropic"
    assert int(raw.headers["x-vaultedge-attempts"]) >= 1
    assert raw.parse().choices[0].message.content


def test_a_broken_stream_raises(gateway: SdkGateway, client: openai.OpenAI, model: str) -> None:
    """A stream that breaks after its first chunks raises APIError."""
    provider, _, name = model.partition("/")
    gateway.simulators[provider].script.queue(name, InjectedFault(cut_after=5))
    chunks: list[object] = []

    with pytest.raises(openai.APIError):
        chunks.extend(client.chat.completions.create(model=model, messages=QUESTION, stream=True))
