"""Opaque state in a conversation that changes between two providers and comes back: A, B, A."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import build_services, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse

CLAUDE, GPT = "two/claude-fake", "one/gpt-fake"
SECRETS = {CLAUDE: "SIG-CLAUDE", GPT: "SIG-GPT"}
THINKING = {"type": "thinking", "thinking": "Hm.", "signature": SECRETS[CLAUDE]}
DETAILS = [{"type": "reasoning.encrypted", "data": SECRETS[GPT], "index": 0, "id": "r"}]
PARAMETERS = {"type": "object", "properties": {}}
KEYS = [("one", "sk-one-0123456789"), ("two", "sk-two-0123456789")]


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake_provider:
        fake_provider.script("claude-fake", FakeResponse(body=json.dumps(claude_message()).encode()))
        fake_provider.script("gpt-fake", FakeResponse(body=json.dumps(gpt_completion()).encode()))
        yield fake_provider


def claude_message() -> dict[str, Any]:
    call = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
    usage = {"input_tokens": 5, "output_tokens": 5}
    fields = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-fake", "usage": usage}
    return {
        **fields,
        "content": [THINKING, {"type": "text", "text": "I look."}, call],
        "stop_reason": "tool_use",
    }


def gpt_completion() -> dict[str, Any]:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    message = {"role": "assistant", "content": "I look.", "reasoning_details": DETAILS, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-fake", "choices": [choice]}


class ChatConversation:
    """A conversation over chat completions."""

    path = "/v1/chat/completions"

    def __init__(self) -> None:
        self.messages: list[Any] = [{"role": "user", "content": "Look."}]

    def request(self, model: str) -> dict[str, Any]:
        tool = {"type": "function", "function": {"name": "look", "parameters": PARAMETERS}}
        return {"model": model, "messages": self.messages, "tools": [tool], "reasoning_effort": "low"}

    def add(self, response: dict[str, Any]) -> None:
        message = response["choices"][0]["message"]
        results = [
            {"role": "tool", "tool_call_id": call["id"], "content": "seen"} for call in message["tool_calls"]
        ]
        self.messages += [message, *results]


class MessagesConversation:
    """A conversation over Messages."""

    path = "/v1/messages"

    def __init__(self) -> None:
        self.messages: list[Any] = [{"role": "user", "content": "Look."}]

    def request(self, model: str) -> dict[str, Any]:
        tool = {"name": "look", "input_schema": PARAMETERS}
        return {"model": model, "messages": self.messages, "tools": [tool], "max_tokens": 2_000}

    def add(self, response: dict[str, Any]) -> None:
        calls = [block for block in response["content"] if block["type"] == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": call["id"], "content": "seen"} for call in calls]
        self.messages += [
            {"role": "assistant", "content": response["content"]},
            {"role": "user", "content": results},
        ]


class ResponsesConversation:
    """A conversation over Responses."""

    path = "/v1/responses"

    def __init__(self) -> None:
        self.items: list[Any] = [{"role": "user", "content": "Look."}]

    def request(self, model: str) -> dict[str, Any]:
        tool = {"type": "function", "name": "look", "parameters": PARAMETERS}
        return {"model": model, "input": self.items, "tools": [tool], "reasoning": {"effort": "low"}}

    def add(self, response: dict[str, Any]) -> None:
        calls = [item for item in response["output"] if item["type"] == "function_call"]
        outputs = [
            {"type": "function_call_output", "call_id": call["call_id"], "output": "seen"} for call in calls
        ]
        self.items += [*response["output"], *outputs]


CONVERSATIONS = (ChatConversation, MessagesConversation, ResponsesConversation)


async def talk(client: httpx.AsyncClient, conversation: Any, *models: str) -> None:
    """Take one turn with each model."""
    for model in models:
        response = await client.post(conversation.path, json=conversation.request(model))
        assert response.status_code == 200, response.text
        conversation.add(response.json())


@pytest.mark.parametrize("conversation", CONVERSATIONS)
@pytest.mark.parametrize(("first", "second"), [(CLAUDE, GPT), (GPT, CLAUDE)])
def test_x34_a_provider_gets_its_own_state_back(
    tmp_path: Path, provider: FakeProvider, conversation: Any, first: str, second: str
) -> None:
    """After a turn with another provider, the first one gets the state of its own turn, and no other."""
    services = build_services(tmp_path, provider, keys=KEYS)

    run_with_client(services, lambda client: talk(client, conversation(), first, second, first))

    one, two, three = (request.raw.decode() for request in provider.requests)
    assert not any(secret in one for secret in SECRETS.values())
    assert not any(secret in two for secret in SECRETS.values())
    assert SECRETS[first] in three
    assert SECRETS[second] not in three
    assert not any("ve2." in body or "ve1." in body for body in (one, two, three))


@pytest.mark.parametrize("conversation", [ChatConversation, ResponsesConversation])
@pytest.mark.parametrize("others", [0, 1, 2])
def test_x34_the_key_that_issued_the_state_is_tried_first(
    tmp_path: Path, provider: FakeProvider, conversation: Any, others: int
) -> None:
    """Of several keys of a provider, the one whose state the conversation has is used again."""
    keys = [("two", f"sk-two-{number}-0123456789") for number in range(3)]
    started = build_services(tmp_path, provider, keys=keys[others:] + keys[:others])
    dialogue = conversation()

    run_with_client(started, lambda client: talk(client, dialogue, CLAUDE))
    continued = build_services(tmp_path, provider, keys=keys)
    run_with_client(continued, lambda client: talk(client, dialogue, CLAUDE))

    first, second = provider.requests
    assert first.key == second.key == keys[others][1]
    assert SECRETS[CLAUDE] in second.raw.decode()
