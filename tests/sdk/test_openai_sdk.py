"""The official `openai` package against a served gateway: what works with OpenAI works on every dialect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.sdk.conftest import House
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
CALLED = [("weather", {"city": "a city"}), ("weather", {"city": "a city"}), ("now", {})]


@pytest.fixture
def client(house: House) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=house.key, base_url=house.url, max_retries=0) as made:
        yield made


def called(message: Any) -> list[tuple[str, Any]]:
    return [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []]


def test_a_question_is_answered(client: openai.OpenAI, model: str) -> None:
    """A completion has its text, its finish reason, the model that was asked for, and usage that adds up."""
    answer = client.chat.completions.create(model=model, messages=QUESTION)

    assert "why is the sky blue?" in (answer.choices[0].message.content or "")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == model
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 20


def test_streamed_and_whole_say_the_same(client: openai.OpenAI, model: str) -> None:
    """The pieces of a stream make up the whole answer, and arrive in more than one chunk."""
    whole = client.chat.completions.create(model=model, messages=QUESTION)
    chunks = list(client.chat.completions.create(model=model, messages=QUESTION, stream=True))

    assert "".join(c.choices[0].delta.content or "" for c in chunks) == whole.choices[0].message.content
    assert len(chunks) > 5
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1


def test_usage_is_streamed_when_asked_for(client: openai.OpenAI, model: str) -> None:
    """With include_usage the last chunk, and only it, has no choices but the usage."""
    counted = {"include_usage": True}
    whole = client.chat.completions.create(model=model, messages=QUESTION)
    chunks = list(
        client.chat.completions.create(model=model, messages=QUESTION, stream=True, stream_options=counted)  # type: ignore[call-overload]
    )

    assert [bool(chunk.choices) for chunk in chunks] == [True] * (len(chunks) - 1) + [False]
    assert chunks[-1].usage is not None
    assert whole.usage is not None
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens


def test_the_stream_helper_folds(client: openai.OpenAI, model: str) -> None:
    """`.stream()` accumulates text, parallel tool calls and the finish reason."""
    with client.chat.completions.stream(model=model, messages=CALLS, tools=TOOLS) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()

    assert called(final.choices[0].message) == CALLED
    assert final.choices[0].finish_reason == "tool_calls"
    assert "tool_calls.function.arguments.done" in kinds


def test_parallel_calls_have_their_own_index(client: openai.OpenAI, model: str) -> None:
    """Each streamed call keeps its index, tells id and name once, and one without arguments streams {}."""
    by_index: dict[int, list[Any]] = {}
    for chunk in client.chat.completions.create(model=model, messages=CALLS, tools=TOOLS, stream=True):
        for call in chunk.choices[0].delta.tool_calls or []:
            by_index.setdefault(call.index, []).append(call)

    assert sorted(by_index) == [0, 1, 2]
    assert ["".join(p.function.arguments or "" for p in pieces) for pieces in by_index.values()] == [
        json.dumps(arguments) for _, arguments in CALLED
    ]
    for pieces in by_index.values():
        assert [bool(piece.id) for piece in pieces] == [True] + [False] * (len(pieces) - 1)
        assert [bool(piece.function.name) for piece in pieces] == [True] + [False] * (len(pieces) - 1)
    assert len({pieces[0].id for pieces in by_index.values()}) == 3


def test_tools_go_round(client: openai.OpenAI, model: str) -> None:
    """Calls come back, their results are sent, and the answer tells them: the provider checks every id."""
    first = client.chat.completions.create(model=model, messages=CALLS, tools=TOOLS)
    message = first.choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"result {number}"}
        for number, call in enumerate(message.tool_calls or [])
    ]
    history: Any = [*CALLS, message.model_dump(exclude_none=True), *results]

    second = client.chat.completions.create(model=model, messages=history, tools=TOOLS)

    assert called(message) == CALLED
    assert second.choices[0].message.content is not None
    assert "result 0; result 1; result 2" in second.choices[0].message.content


def test_forced_and_single_calls(client: openai.OpenAI, model: str) -> None:
    """tool_choice and parallel_tool_calls reach the provider in its own words."""
    named: Any = {"type": "function", "function": {"name": "now"}}
    forced = client.chat.completions.create(model=model, messages=QUESTION, tools=TOOLS, tool_choice=named)
    required = client.chat.completions.create(
        model=model, messages=QUESTION, tools=TOOLS, tool_choice="required"
    )
    single = client.chat.completions.with_raw_response.create(
        model=model, messages=CALLS, tools=TOOLS, parallel_tool_calls=False
    )
    none = client.chat.completions.create(model=model, messages=CALLS, tools=TOOLS, tool_choice="none")

    assert called(forced.choices[0].message) == [("now", {})]
    assert called(required.choices[0].message) == CALLED[:1]
    told = "x-vaultedge-translation" in single.headers  # that this provider cannot be held to one
    assert told or called(single.parse().choices[0].message) == CALLED[:1]
    assert none.choices[0].message.tool_calls is None


def test_the_token_limit_arrives(client: openai.OpenAI, model: str) -> None:
    """An answer cut by max_completion_tokens says `length`."""
    answer = client.chat.completions.create(model=model, messages=QUESTION, max_completion_tokens=5)

    assert answer.choices[0].finish_reason == "length"


def test_async_clients_are_served_together(house: House, model: str) -> None:
    """Sixteen requests at once, half of them streamed, are all answered."""

    async def ask(client: openai.AsyncOpenAI, number: int) -> str:
        messages: Any = [{"role": "user", "content": f"question {number}"}]
        if number % 2:
            answer = await client.chat.completions.create(model=model, messages=messages)
            return answer.choices[0].message.content or ""
        pieces = await client.chat.completions.create(model=model, messages=messages, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in pieces])

    async def all_of_them() -> list[str]:
        async with openai.AsyncOpenAI(api_key=house.key, base_url=house.url, max_retries=0) as client:
            return await asyncio.gather(*(ask(client, number) for number in range(16)))

    answers = asyncio.run(all_of_them())

    assert all(f"question {number}”" in answer for number, answer in enumerate(answers))


def test_models_are_listed(client: openai.OpenAI) -> None:
    """models.list names what the vault's keys reach, routes included; models.retrieve knows each of them."""
    listed = [model.id for model in client.models.list()]

    assert "fast-llm" in listed
    assert len(listed) == len(set(listed)) > 10
    assert client.models.retrieve("fast-llm").id == "fast-llm"


def test_headers_tell_who_answered(client: openai.OpenAI, model: str) -> None:
    """with_raw_response shows provider, model, attempts, cost and request id."""
    raw = client.chat.completions.with_raw_response.create(model=model, messages=QUESTION)

    provider, _, name = model.partition("/")
    assert raw.headers["x-vaultedge-provider"] == provider
    assert raw.headers["x-vaultedge-model"] == name
    assert raw.headers["x-vaultedge-attempts"] == "1"
    assert raw.headers["x-request-id"]
    assert raw.parse().choices


def test_a_wrong_key_is_an_authentication_error(house: House) -> None:
    """The SDK raises AuthenticationError, and its text does not say what was wrong."""
    stranger = openai.OpenAI(api_key="ve-" + "0" * 48, base_url=house.url, max_retries=0)

    with stranger, pytest.raises(openai.AuthenticationError) as caught:
        stranger.chat.completions.create(model="fast-llm", messages=QUESTION)

    assert caught.value.code == "invalid_api_key"


def test_an_unknown_model_is_a_not_found_error(client: openai.OpenAI) -> None:
    """The SDK raises NotFoundError that names the parameter."""
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
    """The SDK raises BadRequestError with the parameter, before any provider is asked."""
    body = {"model": "fast-llm", "messages": QUESTION, **change}

    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", body=body, cast_to=object)

    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"


def test_a_provider_refusal_is_passed_on(client: openai.OpenAI, model: str) -> None:
    """What the provider refuses as the request's own fault is a BadRequestError in its own words."""
    calls: Any = [
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        {"role": "nobody", "content": "x"},
    ]

    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=model, messages=calls)


def test_a_rate_limit_everywhere_is_a_rate_limit_error(house: House, client: openai.OpenAI) -> None:
    """Where every provider says 429, the SDK raises RateLimitError and sees when to come back."""
    for simulator in house.simulators.values():
        simulator.script.queue("*", *[InjectedFault(status=429, retry_after=1)] * 4)

    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="fast-llm", messages=QUESTION)

    for simulator in house.simulators.values():
        simulator.script.clear()
    assert int(caught.value.response.headers["retry-after"]) >= 1


def test_a_failover_is_invisible(house: House, client: openai.OpenAI) -> None:
    """A primary that fails costs the client nothing but the header that tells of it."""
    house.simulators["openai"].script.queue("gpt-4o-mini", *[InjectedFault(status=503)] * 4)

    raw = client.chat.completions.with_raw_response.create(model="fast-llm", messages=QUESTION)

    house.simulators["openai"].script.clear()
    assert raw.headers["x-vaultedge-provider"] == "anthropic"
    assert int(raw.headers["x-vaultedge-attempts"]) >= 1
    assert raw.parse().choices[0].message.content


def test_a_stream_that_breaks_off_raises(house: House, client: openai.OpenAI, model: str) -> None:
    """After the first words a failure is one error event: the SDK raises, it does not just end."""
    provider, _, name = model.partition("/")
    house.simulators[provider].script.queue(name, InjectedFault(cut_after=5))
    seen: list[object] = []

    with pytest.raises(openai.APIError):
        seen.extend(client.chat.completions.create(model=model, messages=QUESTION, stream=True))
