"""`cache_control` of messages and requests, and the option `cache: auto`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import Target
from vaultcore.dialects.anthropic import mark_native
from vaultcore.upstream.provider_request import render

CATALOG = load_builtin()
MARK = {"type": "ephemeral"}
SCHEMA = {"type": "object", "properties": {}}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("a", "b")]
CALL = {"id": "c1", "type": "function", "function": {"name": "a", "arguments": "{}"}}
TALK: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Go."},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    {"role": "assistant", "content": "It rains."},
    {"role": "user", "content": "And?"},
]
NAMES = {
    "anthropic": "claude-sonnet-4-5",
    "bedrock": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "openrouter": "anthropic/claude-sonnet-4.5",
}


def target(name: str, cache: Any = "client") -> Target:
    provider = replace(CATALOG.providers[name], cache=cache)
    return Target(provider, CATALOG.models.model(name, NAMES.get(name, "m")))


def send(to: Target, messages: list[dict[str, Any]], **fields: Any) -> tuple[dict[str, Any], list[str]]:
    request: Any = {"model": "m", "messages": messages, **fields}
    rendered = render(to, request).rendered
    return rendered.body, [change.path for change in rendered.changes]


def marks(value: object) -> int:
    text = json.dumps(value)
    return text.count('"cachePoint"') + text.count('"cache_control"')


@pytest.mark.parametrize("name", NAMES)
def test_t7_the_mark_of_a_message_is_one_on_its_last_part(name: str) -> None:
    """Marks beside `content` reach the provider: of instructions, users, answers and tool calls."""
    marked = [{**each, "cache_control": MARK} if each["role"] != "tool" else each for each in TALK[:3]]
    body, changes = send(target(name), [*marked, *TALK[3:]], tools=TOOLS)

    assert marks(body) == 3
    assert not [path for path in changes if "cache" in path]


LONG = "Rule. " * 400


@pytest.mark.parametrize("text", ["Be brief.", LONG], ids=["short", "long"])
def test_t7_a_short_prompt_is_sent_as_the_client_wrote_it(text: str) -> None:
    """OpenRouter reads marks in parts. Content of a prompt that no provider caches stays a string."""
    message = {"role": "system", "content": text, "cache_control": MARK}
    body, changes = send(target("openrouter"), [message, TALK[1]])

    part = {"type": "text", "text": text, "cache_control": MARK}
    assert body["messages"][0] == (message if text != LONG else {"role": "system", "content": [part]})
    assert body["messages"][1] == TALK[1]
    assert not changes


@pytest.mark.parametrize("name", ["openai", "groq", "gemini", "cohere", "mistral"])
@pytest.mark.parametrize("where", ["message", "request"])
def test_t7_marks_are_reported_elsewhere(name: str, where: str) -> None:
    """A provider without cache marks gets none, and the client learns of it."""
    message = {**TALK[1], "cache_control": MARK} if where == "message" else TALK[1]
    fields = {"cache_control": MARK} if where == "request" else {}
    body, changes = send(target(name), [message], **fields)

    assert marks(body) == 0
    assert [path for path in changes if "cache_control" in path]


def test_t7_the_mark_of_a_request_reaches_bedrock() -> None:
    """Converse has no mark of the whole request: its last message gets it."""
    body, _ = send(target("bedrock"), TALK, tools=TOOLS, cache_control=MARK)

    assert "cachePoint" in body["messages"][-1]["content"][-1]
    assert marks(body) == 1


@pytest.mark.parametrize("name", NAMES)
def test_t8_marks_are_placed_for_clients_without_any(name: str) -> None:
    """`cache: auto` marks tools, instructions and the last two turns: four marks at most."""
    body, changes = send(target(name, "auto"), TALK, tools=TOOLS)

    assert marks(body) == 4
    assert "cache_control" in changes


@pytest.mark.parametrize("name", NAMES)
def test_t8_marks_of_the_client_are_kept_alone(name: str) -> None:
    """`cache: auto` adds nothing to a request with marks of the client's own."""
    body, _ = send(target(name, "auto"), [{**TALK[0], "cache_control": MARK}, *TALK[1:]], tools=TOOLS)

    assert marks(body) == 1


def test_t8_a_growing_conversation_keeps_its_marks() -> None:
    """The next request repeats the marks of tools, instructions and the turn that was the last one."""
    first, _ = send(target("anthropic", "auto"), TALK[:2], tools=TOOLS)
    second, _ = send(target("anthropic", "auto"), TALK[:4], tools=TOOLS)

    assert first["system"] == second["system"]
    assert first["tools"] == second["tools"]
    assert first["messages"] == second["messages"][:1]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"messages": [{"role": "user", "content": "Go."}]}, 1),
        ({"messages": [], "system": [{"type": "text", "text": "Hi", "cache_control": MARK}]}, 1),
        ({"messages": [], "tools": [{"name": "a", "cache_control": MARK}]}, 1),
    ],
)
def test_t8_native_requests_get_one_mark(body: dict[str, Any], expected: int) -> None:
    """A client's own body gets a mark of the whole request, unless it has one anywhere."""
    assert marks(mark_native(body)) == expected
