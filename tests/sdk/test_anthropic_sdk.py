"""The official `anthropic` package against a served gateway: what works there works on every dialect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.sdk.conftest import House
from vaultcore.simulators.faults import InjectedFault

QUESTION: Any = [{"role": "user", "content": "why is the sky blue?"}]
CALLS: Any = [{"role": "user", "content": "call weather, then weather, then now"}]
WEATHER: Any = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: Any = [
    {"name": "weather", "description": "Tells the weather", "input_schema": WEATHER},
    {"name": "now", "input_schema": {"type": "object", "properties": {}}},
]
CALLED = [("weather", {"city": "a city"}), ("weather", {"city": "a city"}), ("now", {})]
DOT = {
    "type": "image",
    "source": {
        "type": "base64",
        "media_type": "image/gif",
        "data": "R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==",
    },
}


@pytest.fixture
def client(house: House) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key=house.key, base_url=house.gateway.url, max_retries=0) as made:
        yield made


def called(message: Any) -> list[tuple[str, Any]]:
    return [(block.name, block.input) for block in message.content if block.type == "tool_use"]


def text(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_a_question_is_answered(client: anthropic.Anthropic, model: str) -> None:
    """A message has its text, its stop reason, and usage."""
    answer = client.messages.create(model=model, max_tokens=200, system="be brief", messages=QUESTION)

    assert "why is the sky blue?" in text(answer)
    assert (answer.type, answer.role, answer.stop_reason) == ("message", "assistant", "end_turn")
    assert answer.id.startswith("msg_")
    assert answer.usage.input_tokens >= 5
    assert answer.usage.output_tokens > 20


def test_streamed_and_whole_say_the_same(client: anthropic.Anthropic, model: str) -> None:
    """The stream helper arrives, piece by piece, at the message that is answered at once."""
    whole = client.messages.create(model=model, max_tokens=200, messages=QUESTION)
    with client.messages.stream(model=model, max_tokens=200, messages=QUESTION) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()

    assert "".join(pieces) == text(whole) == text(final)
    assert len(pieces) > 5
    assert (final.stop_reason, final.usage.output_tokens) == (whole.stop_reason, whole.usage.output_tokens)
    assert final.usage.input_tokens == whole.usage.input_tokens


def test_an_answer_is_cut_at_max_tokens(client: anthropic.Anthropic, model: str) -> None:
    """An answer that reaches its limit says so."""
    answer = client.messages.create(model=model, max_tokens=3, messages=QUESTION)

    assert answer.stop_reason == "max_tokens"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_loop_of_two_turns_with_tools(client: anthropic.Anthropic, model: str, streamed: bool) -> None:
    """Parallel calls come as blocks with parsed input; their results, one an image, are understood."""
    ask: Any = {"model": model, "max_tokens": 300, "messages": CALLS, "tools": TOOLS}
    if streamed:
        with client.messages.stream(**ask) as stream:
            turn: Any = stream.get_final_message()
    else:
        turn = client.messages.create(**ask)
    ids = [block.id for block in turn.content if block.type == "tool_use"]
    contents: Any = ["sunny", [{"type": "text", "text": "rainy"}, DOT], "noon"]
    results = [
        {"type": "tool_result", "tool_use_id": key, "content": content}
        for key, content in zip(ids, contents, strict=True)
    ]
    history = [
        *CALLS,
        {"role": "assistant", "content": turn.content},
        {"role": "user", "content": [*results, {"type": "text", "text": "So?"}]},
    ]
    answer = client.messages.create(model=model, max_tokens=300, tools=TOOLS, messages=history)

    assert turn.stop_reason == "tool_use"
    assert called(turn) == CALLED
    assert len(set(ids)) == 3
    assert answer.stop_reason == "end_turn"


def test_r6_a_tool_can_be_forced(client: anthropic.Anthropic, model: str) -> None:
    """One tool can be asked for, or any, or none, and one at a time."""
    ask: Any = {"model": model, "max_tokens": 300, "tools": TOOLS}
    forced = client.messages.create(**ask, messages=QUESTION, tool_choice={"type": "tool", "name": "now"})
    none = client.messages.create(**ask, messages=CALLS, tool_choice={"type": "none"})
    one: Any = {"type": "auto", "disable_parallel_tool_use": True}

    assert called(forced) == [("now", {})]
    assert called(none) == []
    single = client.messages.with_raw_response.create(**ask, messages=CALLS, tool_choice=one)
    told = "x-vaultedge-translation" in single.headers  # that this provider cannot be held to one
    assert told or len(called(single.parse())) == 1


def test_images_and_documents(client: anthropic.Anthropic, house: House, model: str) -> None:
    """Images and plain documents reach the provider in its own form."""
    note: Any = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a note"}}
    asked: Any = [{"role": "user", "content": [DOT, note, {"type": "text", "text": "what is this?"}]}]
    answer = client.messages.create(model=model, max_tokens=200, messages=asked)
    sent = str(house.simulators[model.partition("/")[0]].script.asked[-1].body)

    assert "what is this?" in text(answer)
    assert DOT["source"]["data"] in sent  # type: ignore[index]
    assert "a note" in sent


def test_r13_tokens_are_counted(client: anthropic.Anthropic, model: str) -> None:
    """A prompt is counted, with its tools, before it is asked."""
    bare = client.messages.count_tokens(model=model, messages=QUESTION)
    full = client.messages.count_tokens(model=model, messages=QUESTION, tools=TOOLS, system="be brief")

    assert 0 < bare.input_tokens < full.input_tokens


def test_the_raw_events_are_typed(client: anthropic.Anthropic, model: str) -> None:
    """Every event parses as one of the SDK's own types, in the order of the protocol."""
    events = list(client.messages.create(model=model, max_tokens=200, messages=QUESTION, stream=True))
    kinds = [event.type for event in events if event.type != "content_block_delta"]
    told = ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"]

    assert [kind for kind in kinds if kind != "ping"] == told


def test_the_async_client(house: House, model: str) -> None:
    """The asynchronous client asks and streams as the other does."""

    async def story() -> tuple[str, str]:
        made = anthropic.AsyncAnthropic(auth_token=house.key, base_url=house.gateway.url, max_retries=0)
        async with made as client:
            whole = await client.messages.create(model=model, max_tokens=200, messages=QUESTION)
            async with client.messages.stream(model=model, max_tokens=200, messages=QUESTION) as stream:
                return text(whole), "".join([piece async for piece in stream.text_stream])

    whole, streamed = asyncio.run(story())

    assert whole == streamed


def test_a_fallback_answers(client: anthropic.Anthropic, house: House) -> None:
    """Where a route's first provider is down its second answers the same request."""
    house.simulators["openai"].script.queue("gpt-4o-mini", *[InjectedFault(status=503)] * 4)
    answer = client.messages.create(model="fast-llm", max_tokens=200, messages=QUESTION)
    house.simulators["openai"].script.clear()

    assert "simulated anthropic" in text(answer)


def test_r12_errors_are_typed(client: anthropic.Anthropic, house: House, model: str) -> None:
    """Every refusal is the exception that the SDK has for it, with Anthropic's type in its body."""
    bad: Any = [{"role": "nobody", "content": "x"}]
    wrong = anthropic.Anthropic(api_key="ve-wrong", base_url=house.gateway.url, max_retries=0)
    house.simulators[model.partition("/")[0]].script.queue(
        model.partition("/")[2], *[InjectedFault(status=429)] * 4
    )
    with pytest.raises(anthropic.RateLimitError) as limited:
        client.messages.create(model=model, max_tokens=9, messages=QUESTION)
    house.simulators[model.partition("/")[0]].script.clear()

    with wrong, pytest.raises(anthropic.AuthenticationError) as unknown:
        wrong.messages.create(model=model, max_tokens=9, messages=QUESTION)
    with pytest.raises(anthropic.NotFoundError) as nowhere:
        client.messages.create(model="nobody/knows", max_tokens=9, messages=QUESTION)
    with pytest.raises(anthropic.BadRequestError) as refused:
        client.messages.create(model=model, max_tokens=9, messages=bad)
    told = [each.value.type for each in (limited, unknown, nowhere, refused)]

    assert told == ["rate_limit_error", "authentication_error", "not_found_error", "invalid_request_error"]
