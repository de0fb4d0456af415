"""Names of tools, through every dialect and client API: accepted by the provider, restored for the client."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import seeds
from vaultcore.capability_matrix.simulated_dialect import simulated_dialects
from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.client_apis import chat, messages, responses
from vaultcore.dialects import load_dialect
from vaultcore.dialects.tool_names import ToolNameRule, rename_tools, restore_chunk, restore_completion
from vaultcore.simulators.reply import generate_reply
from vaultcore.simulators.server import BEHAVIORS
from vaultcore.upstream.provider_request import render

HEADERS = {"content-type": "application/json", "anthropic-version": "2023-06-01"}
SCHEMA = {"type": "object", "properties": {}}
LONG = "mcp__plugin_yt-content-strategist_youtube-analytics__get_video_enhanced_transcript"
NAMES = [
    LONG,
    LONG.replace("transcript", "comments") + "_" * 120,
    *("get.weather", "files/read", "9lives", "wetter für Köln", "ツール", "a:b", "-x"),
    "get_weather",
]


def chat_body(name: str) -> dict[str, Any]:
    tools = [{"type": "function", "function": {"name": each, "parameters": SCHEMA}} for each in NAMES]
    call = {"id": "call_000001", "type": "function", "function": {"name": name, "arguments": "{}"}}
    conversation = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": "well", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_000001", "content": "done"},
        {"role": "user", "content": "again"},
    ]
    choice = {"type": "function", "function": {"name": name}}
    return {"model": "m", "max_tokens": 500, "messages": conversation, "tools": tools, "tool_choice": choice}


def messages_body(name: str) -> dict[str, Any]:
    call = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "done"}
    conversation = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result, {"type": "text", "text": "again"}]},
    ]
    tools = [{"name": each, "input_schema": SCHEMA} for each in NAMES]
    choice = {"type": "tool", "name": name}
    return {"model": "m", "max_tokens": 500, "messages": conversation, "tools": tools, "tool_choice": choice}


def responses_body(name: str) -> dict[str, Any]:
    call = {"type": "function_call", "call_id": "call_1", "name": name, "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "call_1", "output": "done"}
    again = {"role": "user", "content": "again"}
    tools = [{"type": "function", "name": each, "parameters": SCHEMA} for each in NAMES]
    choice = {"type": "function", "name": name}
    items = [{"role": "user", "content": "go"}, call, output, again]
    return {"model": "m", "input": items, "tools": tools, "tool_choice": choice}


APIS: dict[str, tuple[Any, Any]] = {
    "chat": (chat, chat_body),
    "messages": (messages, messages_body),
    "responses": (responses, responses_body),
}


def called_names(value: object) -> list[str]:
    """Return the names of calls in a client's response, or in the events of one."""
    match value:
        case {"type": "tool_use" | "function_call", "name": str(name)}:
            return [name]
        case {"function": {"name": str(name)}}:
            return [name]
        case dict():
            return [name for each in value.values() for name in called_names(each)]
        case list():
            return [name for each in value for name in called_names(each)]
        case _:
            return []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("dialect_name", simulated_dialects())
def test_a11_b07_o05_names_reach_the_provider_and_come_back(dialect_name: str, api: str, name: str) -> None:
    """The provider accepts every name, in tools, history and choice; a call comes back with the client's."""
    simulator, dialect = BEHAVIORS[dialect_name], load_dialect(dialect_name)
    client_api, build = APIS[api]
    row = Provider("acme", "https://api.acme.test/v1", dialect=dialect_name)
    request = client_api.parse_request(build(name))
    sent = render(Target(row, Model(simulator.MODELS[0])), request)
    body = {**sent.rendered.body, "model": simulator.MODELS[0]}

    simulator.validate_request(HEADERS, body)
    reply = generate_reply(simulator.parse_prompt("provider", {**body, "stream": True}))
    assert len(reply.calls) == 1
    completion = dialect.parse_response(simulator.render_completion(body, reply))
    whole = client_api.render_response(restore_completion(completion, sent.client_names), request)
    decoder, encoder = dialect.create_decoder(), client_api.encoder(request)
    chunks = [
        chunk
        for event in seeds.parse_stream(b"".join(simulator.render_events(body, reply)))
        for chunk in decoder.feed(event)
    ]
    streamed = [
        json.loads(event.data)
        for chunk in [*chunks, *decoder.close()]
        for event in encoder.feed(restore_chunk(chunk, sent.client_names))
    ]
    output = [whole.get(field) for field in ("choices", "content", "output")]
    assert set(called_names(output)) == {name}
    assert set(called_names(streamed)) == {name}


@pytest.mark.parametrize("dialect_name", simulated_dialects())
@given(names=st.lists(st.text(min_size=1, max_size=200), min_size=1, max_size=6, unique=True))
@settings(max_examples=40, deadline=None)
def test_a11_b07_o05_names_are_unique_stable_and_accepted(dialect_name: str, names: list[str]) -> None:
    """Replaced names are accepted, differ from all others, and are the same in the next request."""
    rule = load_dialect(dialect_name).tool_names
    names = [*names, rule.replace(names[0])]  # a client's own name may look like a replaced one
    request: Any = {"messages": [], "tools": [{"type": "function", "function": {"name": n}} for n in names]}
    first, again = rename_tools(request, rule), rename_tools(request, rule)
    sent = [tool["function"]["name"] for tool in first.request["tools"]]

    assert all(map(rule.accepts, sent))
    assert len(set(sent)) == len(set(names))
    assert first.request == again.request
    assert {first.client_names.get(name, name) for name in sent} == set(names)


def test_a11_b07_o05_accepted_names_change_nothing() -> None:
    """A request whose names are accepted is not copied, and nothing is reported."""
    request: Any = chat_body("get_weather")
    request["tools"] = request["tools"][-1:]
    renamed = rename_tools(request, ToolNameRule())

    assert renamed.request is request
    assert (renamed.client_names, renamed.changes) == ({}, ())


def test_a11_b07_o05_replaced_names_are_reported() -> None:
    """The report lists each replaced name once, at the tool that has it."""
    renamed = rename_tools(chat_body("get.weather"), ToolNameRule(first="a-zA-Z_"))  # type: ignore[arg-type]

    changes = {(change.path, change.kind, change.was) for change in renamed.changes}
    assert ("tools[2].function.name", "renamed", "get.weather") in changes
    assert len(changes) == len(NAMES) - 1
