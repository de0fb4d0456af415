"""Tools of the Responses API that the client runs itself: to functions of chat completions and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.responses import ResponseOutputItem
from pydantic import TypeAdapter

from vaultcore.client_apis import chat, responses
from vaultcore.errors import InvalidRequest

OUTPUT_ITEM: Any = TypeAdapter(ResponseOutputItem)
SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}}
SHOUT = {"type": "function", "name": "shout", "parameters": SCHEMA, "strict": False}
ECHO = {"type": "namespace", "name": "mcp__echo", "description": "Echo", "tools": [SHOUT]}
PATCH = {"type": "custom", "name": "apply_patch", "description": "Patch files"}
SEARCH = {"type": "tool_search", "execution": "client", "description": "Find tools", "parameters": SCHEMA}
EXEC = {"type": "exec", "command": ["ls", "-l"], "env": {}}

# tool, name of its function, arguments of the model, the item that the client expects
ROUND_TRIPS: dict[str, tuple[dict[str, Any], str, str, dict[str, Any]]] = {
    "function": (SHOUT, "shout", '{"text":"a"}', {"type": "function_call", "name": "shout"}),
    "namespace": (
        ECHO,
        "mcp__echo__shout",
        '{"text":"a"}',
        {"type": "function_call", "name": "shout", "namespace": "mcp__echo", "arguments": '{"text":"a"}'},
    ),
    "namespace that ends in the separator": (
        {**ECHO, "name": "mcp__echo__"},
        "mcp__echo__shout",
        "{}",
        {"type": "function_call", "name": "shout", "namespace": "mcp__echo__"},
    ),
    "custom": (
        PATCH,
        "apply_patch",
        '{"input":"*** Begin Patch"}',
        {"type": "custom_tool_call", "name": "apply_patch", "input": "*** Begin Patch"},
    ),
    "custom in a namespace": (
        {"type": "namespace", "name": "edit", "description": "", "tools": [PATCH]},
        "edit__apply_patch",
        '{"input":"x"}',
        {"type": "custom_tool_call", "name": "apply_patch", "namespace": "edit", "input": "x"},
    ),
    "local_shell": (
        {"type": "local_shell"},
        "local_shell",
        '{"command":["ls","-l"]}',
        {"type": "local_shell_call", "action": EXEC},
    ),
    "shell": (
        {"type": "shell", "environment": {"type": "local"}},
        "shell",
        '{"commands":["ls"],"timeout_ms":1000}',
        {"type": "shell_call", "action": {"commands": ["ls"], "timeout_ms": 1000}},
    ),
    "apply_patch": (
        {"type": "apply_patch"},
        "apply_patch",
        '{"type":"delete_file","path":"a.txt"}',
        {"type": "apply_patch_call", "operation": {"type": "delete_file", "path": "a.txt"}},
    ),
    "tool_search": (
        SEARCH,
        "tool_search",
        '{"text":"echo"}',
        {"type": "tool_search_call", "execution": "client", "arguments": {"text": "echo"}},
    ),
}


def body(*tools: object, **fields: object) -> dict[str, Any]:
    return {"model": "m", "input": "Hi", "tools": list(tools), **fields}


def function_names(request: Any) -> list[str]:
    return [tool["function"]["name"] for tool in request.get("tools") or ()]


def call(name: str, arguments: str) -> dict[str, Any]:
    return {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}


def whole_item(request: Any, tool_call: dict[str, Any]) -> Any:
    """Return the output item of a buffered response that makes one call."""
    message = {"role": "assistant", "content": None, "tool_calls": [tool_call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    completion: Any = {"id": "chatcmpl-1", "created": 1, "model": "m", "choices": [choice]}
    return responses.render_response(completion, request)["output"][0]


def streamed_item(request: Any, tool_call: dict[str, Any]) -> Any:
    """Return the output item of a stream that makes one call, its arguments in two fragments."""
    encoder, text = responses.encoder(request), tool_call["function"]["arguments"]
    head = {**tool_call["function"], "arguments": text[:5]}
    deltas: list[Any] = [
        {"role": "assistant", "tool_calls": [{"index": 0, **tool_call, "function": head}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": text[5:]}}]},
    ]
    chunks: list[Any] = [{"id": "chatcmpl-1", "created": 1, "model": "m"}] * 3
    choices = [*({"index": 0, "delta": delta, "finish_reason": None} for delta in deltas)]
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls"})
    for chunk, choice in zip(chunks, choices, strict=True):
        list(encoder.feed({**chunk, "choices": [choice]}))
    last = json.loads([*encoder.close()][-1].data)
    return last["response"]["output"][0]


@pytest.mark.parametrize("form", [whole_item, streamed_item])
@pytest.mark.parametrize("kind", ROUND_TRIPS)
def test_p11_calls_come_back_as_items_of_their_tool(kind: str, form: Any) -> None:
    """Each kind of tool goes as a function, and a call of it comes back as the item that its client reads."""
    tool, name, arguments, expected = ROUND_TRIPS[kind]
    request = responses.parse_request(body(tool))

    item = form(request, call(name, arguments))

    assert function_names(request) == [name]
    assert {**item, **expected} == item
    assert item["call_id"] == "call_1"
    OUTPUT_ITEM.validate_python(item)


@pytest.mark.parametrize("form", [whole_item, streamed_item])
@pytest.mark.parametrize("kind", ROUND_TRIPS)
def test_p11_history_names_the_same_function(kind: str, form: Any) -> None:
    """An item of a call that the client sends back becomes the call as the model has made it."""
    tool, name, arguments, _ = ROUND_TRIPS[kind]
    item = form(responses.parse_request(body(tool)), call(name, arguments))

    request = responses.parse_request(body(tool, input=[{"role": "user", "content": "Hi"}, item]))

    (function,) = [each["function"] for each in request["messages"][1]["tool_calls"]]
    assert function["name"] == name
    assert {**json.loads(function["arguments"]), **json.loads(arguments)} == json.loads(function["arguments"])


@pytest.mark.parametrize("form", [whole_item, streamed_item])
@pytest.mark.parametrize("kind", ["local_shell", "shell", "apply_patch", "tool_search"])
def test_p11_unusable_arguments_are_a_function_call(kind: str, form: Any) -> None:
    """Arguments that do not fit the item reach the client as they are, so that it can tell the model."""
    request = responses.parse_request(body(ROUND_TRIPS[kind][0]))

    item = form(request, call(ROUND_TRIPS[kind][1], "[broken"))

    assert (item["type"], item["arguments"]) == ("function_call", "[broken")


OUTPUTS: list[tuple[dict[str, Any], str]] = [
    ({"type": "function_call_output", "call_id": "c", "output": "done"}, "done"),
    ({"type": "custom_tool_call_output", "call_id": "c", "output": "done"}, "done"),
    ({"type": "local_shell_call_output", "id": "item", "output": "done"}, "done"),
    ({"type": "local_shell_call_output", "call_id": "c", "id": "x", "output": "done"}, "done"),
    (
        {"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "done", "stderr": ""}]},
        '[{"stdout":"done","stderr":""}]',
    ),
    (
        {"type": "apply_patch_call_output", "call_id": "c", "status": "failed", "output": "no such file"},
        "failed\nno such file",
    ),
    ({"type": "apply_patch_call_output", "call_id": "c", "status": "completed"}, "completed"),
    (
        {"type": "tool_search_output", "call_id": "c", "execution": "client", "tools": [ECHO]},
        "These tools can be called now:\n- mcp__echo__shout: ",
    ),
    ({"type": "tool_search_output", "call_id": "c", "execution": "client", "tools": []}, "No tool matches."),
]


@pytest.mark.parametrize(("output", "expected"), OUTPUTS, ids=[each["type"] for each, _ in OUTPUTS])
def test_p11_outputs_answer_their_calls(output: dict[str, Any], expected: str) -> None:
    """The output of each kind of tool becomes the result of its call."""
    shell_call = {"type": "local_shell_call", "id": "item", "call_id": "c", "action": EXEC}

    request = responses.parse_request(body(input=[shell_call, output]))

    assert request["messages"][-1] == {"role": "tool", "tool_call_id": "c", "content": expected}


def test_p11_tools_of_items_are_offered() -> None:
    """Tools that a search or the client adds in the input can be called, and are listed once."""
    loaded = {"type": "tool_search_output", "call_id": "c", "execution": "client", "tools": [ECHO]}
    search = {"type": "tool_search_call", "call_id": "c", "execution": "client", "arguments": {"text": "e"}}
    more = {"type": "additional_tools", "role": "developer", "tools": [{**SHOUT, "name": "whisper"}, ECHO]}

    request = responses.parse_request(body(SEARCH, input=[search, loaded, more]))

    assert function_names(request) == ["tool_search", "mcp__echo__shout", "whisper"]


def test_p11_names_that_meet_are_told_apart() -> None:
    """A tool of a namespace does not take the name of another function, whichever comes first."""
    plain = {**SHOUT, "name": "mcp__echo__shout"}
    request = responses.parse_request(body(ECHO, plain, {"type": "shell"}, {**SHOUT, "name": "shell"}))

    names = function_names(request)
    items = [whole_item(request, call(name, '{"commands":[]}')) for name in names]

    assert names == ["mcp__echo__shout_2", "mcp__echo__shout", "shell_2", "shell"]
    assert [item.get("namespace") for item in items] == ["mcp__echo", None, None, None]
    assert [item["type"] for item in items] == [
        "function_call",
        "function_call",
        "shell_call",
        "function_call",
    ]


CHOICES: list[tuple[object, object]] = [
    ({"type": "function", "name": "shout", "namespace": "mcp__echo"}, "mcp__echo__shout"),
    ({"type": "custom", "name": "apply_patch"}, "apply_patch"),
    ({"type": "shell"}, "shell"),
    ({"type": "function", "name": "whisper"}, None),
    ({"type": "file_search"}, None),
    (
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "namespace", "name": "mcp__echo"}]},
        ["mcp__echo__shout"],
    ),
]


@pytest.mark.parametrize(("choice", "expected"), CHOICES, ids=[str(choice) for choice, _ in CHOICES])
def test_p11_tool_choice_names_the_function(choice: object, expected: object) -> None:
    """`tool_choice` names the function of its tool; a tool that is not sent is reported."""
    sent = body(ECHO, PATCH, {"type": "shell"}, tool_choice=choice)
    request: Any = responses.parse_request(sent)

    changes = [each.path for each in responses.native_request(sent, {}).translation_changes()]

    match request.get("tool_choice"):
        case {"function": {"name": name}}:
            assert name == expected
        case {"allowed_tools": {"mode": "required", "tools": tools}}:
            assert [tool["function"]["name"] for tool in tools] == expected
        case _:
            assert expected is None
            assert "tool_choice" in changes


REPORTS: list[tuple[dict[str, Any], str, str]] = [
    ({"reasoning": {"mode": "pro"}}, "dropped", "reasoning.mode"),
    ({"reasoning": {"context": "all_turns"}}, "dropped", "reasoning.context"),
    ({"reasoning": {"effort": "low"}}, "renamed", "reasoning.effort"),
    ({"reasoning": {"summary": "auto"}}, "emulated", "reasoning.summary"),
    ({"reasoning": {"generate_summary": "auto"}}, "emulated", "reasoning.generate_summary"),
    ({"text": {"tone": "dry"}}, "dropped", "text.tone"),
    ({"moderation": {"model": "m"}}, "dropped", "moderation"),
    ({"prompt_cache_options": {"comparison_response_id": "r"}}, "dropped", "prompt_cache_options"),
    ({"brand_new": 1}, "dropped", "brand_new"),
    ({"tools": [{**SHOUT, "defer_loading": True}]}, "emulated", "tools[0].defer_loading"),
    ({"tools": [{**SHOUT, "allowed_callers": ["programmatic"]}]}, "dropped", "tools[0].allowed_callers"),
    (
        {"tools": [{**ECHO, "tools": [{**SHOUT, "output_schema": SCHEMA}]}]},
        "dropped",
        "tools[0].tools[0].output_schema",
    ),
    ({"tools": [{"type": "tool_search"}]}, "emulated", "tools[0]"),
    ({"tools": [{"type": "shell", "environment": {"type": "container_auto"}}]}, "dropped", "tools[0]"),
    ({"tools": [], "tool_choice": "required"}, "dropped", "tool_choice"),
    ({"input": [{"role": "user", "content": "a", "phase": "x"}]}, "dropped", "input[0].phase"),
    (
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "a", "new": 1}]}]},
        "dropped",
        "input[0].content[0].new",
    ),
    (
        {"input": [{"role": "user", "content": "a"}, {"type": "program", "id": "p", "code": "x"}]},
        "dropped",
        "input[1]",
    ),
]


@pytest.mark.parametrize(("fields", "kind", "path"), REPORTS, ids=[path for *_, path in REPORTS])
def test_p12_no_field_is_lost_in_silence(fields: dict[str, Any], kind: str, path: str) -> None:
    """A field that chat completions cannot express is reported under its name in the client's own body."""
    sent = {"model": "m", "input": "Hi", **fields}
    responses.parse_request(sent)

    changes = responses.native_request(sent, {}).translation_changes()

    assert (kind, path) in [(change.kind, change.path) for change in changes]


def test_p12_configuration_updates_apply() -> None:
    """Settings of a `configuration_update` item replace those of the request."""
    update = {"type": "configuration_update", "reasoning": {"effort": "high"}}
    items = [{"role": "user", "content": "Hi"}, update]

    request = responses.parse_request(body(input=items, reasoning={"effort": "low"}))

    assert request["reasoning_effort"] == "high"


def test_p12_paths_name_the_body_of_the_client() -> None:
    """A part of the translated request is reported where it stands in the client's input."""
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"type": "function_call", "call_id": "c1", "name": "shout", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "shout", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c2", "output": "x"},
    ]
    request: Any = responses.parse_request(body({"type": "file_search"}, ECHO, input=items, instructions="s"))

    paths = {
        "messages[0].content": "instructions",
        "messages[1].content[0].text": "input[0].content[0].text",
        "messages[1].name": "input[0].name",
        "messages[1].content[1].file.filename": "input[0].content[1].filename",
        "messages[1].content[2].image_url.url": "input[0].content[2].image_url",
        "messages[2].tool_calls[1].function.arguments": "input[2].arguments",
        "messages[3].content": "input[3].output",
        "messages[3].tool_call_id": "input[3].call_id",
        "tools[0].function.strict": "tools[1].tools[0].strict",
        "max_completion_tokens": "max_output_tokens",
        "reasoning_effort": "reasoning.effort",
        "messages": "input",
        "temperature": "temperature",
    }
    assert {path: request.client_path(path) for path in paths} == paths


@pytest.mark.parametrize(
    "tool", [{"type": "namespace", "name": 1}, {"type": "namespace", "name": "n", "tools": 1}]
)
def test_p11_malformed_namespaces_are_rejected(tool: dict[str, Any]) -> None:
    """A namespace needs a name and a list of tools; the error names the field."""
    with pytest.raises(InvalidRequest) as raised:
        responses.parse_request(body(tool))

    assert (raised.value.param or "").startswith("tools[0].")


def test_p10_chat_completions_accept_a_responses_body() -> None:
    """A body with `input` at the path of chat completions is translated, and its losses are reported."""
    sent = {
        "model": "m",
        "input": [{"role": "user", "content": "Hi"}],
        "tools": [SHOUT],
        "moderation": {"a": 1},
    }

    request = chat.parse_request({**sent, "stream": True, "stream_options": {"include_usage": True}})
    native = chat.native_request(sent, {})

    assert request["messages"] == [{"role": "user", "content": "Hi"}]
    assert (function_names(request), request["stream_options"]) == (["shout"], {"include_usage": True})
    assert native is not None
    assert [(change.path, native.dialect) for change in native.translation_changes()] == [("moderation", "")]
