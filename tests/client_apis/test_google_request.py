"""Every field of Google's requests: what it becomes in a chat request, or how its loss is reported."""

from __future__ import annotations

from typing import Any

import pytest

from vaultcore.client_apis import gemini
from vaultcore.dialects import client_path
from vaultcore.errors import InvalidRequest

HI = [{"role": "user", "parts": [{"text": "Hi"}]}]
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
CALL = {"functionCall": {"name": "f", "args": {"x": 1}}}


def parse(**fields: Any) -> Any:
    return gemini.parse_request({"model": "m", "contents": HI, **fields})


def changes(**fields: Any) -> list[tuple[str, str]]:
    native = gemini.native_request({"model": "m", "contents": HI, **fields}, {})
    return [(change.kind, change.path) for change in native.translation_changes()]


def messages(*contents: Any) -> Any:
    return parse(contents=list(contents))["messages"]


CONFIG: dict[str, tuple[Any, dict[str, Any]]] = {  # field of generationConfig: value, chat fields
    "maxOutputTokens": (9, {"max_completion_tokens": 9}),
    "max_output_tokens": ("9", {"max_completion_tokens": 9}),
    "temperature": (0.5, {"temperature": 0.5}),
    "topP": (0.5, {"top_p": 0.5}),
    "top_k": (40.0, {"top_k": 40}),
    "candidateCount": (2, {"n": 2}),
    "seed": (7, {"seed": 7}),
    "presencePenalty": (1, {"presence_penalty": 1}),
    "frequencyPenalty": (1, {"frequency_penalty": 1}),
    "stopSequences": (["a"], {"stop": ["a"]}),
    "responseLogprobs": (True, {"logprobs": True}),
    "responseModalities": (["TEXT", "IMAGE"], {"modalities": ["text", "image"]}),
    "responseMimeType": ("application/json", {"response_format": {"type": "json_object"}}),
    "responseJsonSchema": (
        SCHEMA,
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "response", "schema": SCHEMA, "strict": True},
            }
        },
    ),
    "thinkingConfig": ({"thinkingLevel": "HIGH"}, {"reasoning_effort": "high"}),
    "thinking_config": (
        {"thinking_budget": 2048},
        {"thinking": {"type": "enabled", "budget_tokens": 2048}},
    ),
}


def test_n16_single_items_need_no_list() -> None:
    """Google's own examples send `contents`, `parts` and `tools` as objects: none of them is lost."""
    body = parse(
        contents={"parts": {"text": "Hi"}},
        system_instruction={"parts": {"text": "Be brief"}},
        tools={"function_declarations": {"name": "f"}},
        toolConfig={"functionCallingConfig": {"mode": "any", "allowedFunctionNames": "f"}},
    )

    assert body["messages"] == [
        {"role": "system", "content": "Be brief"},
        {"role": "user", "content": "Hi"},
    ]
    assert body["tools"][0]["function"]["name"] == "f"
    assert body["tool_choice"] == {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize("instruction", [[{"text": "Be brief"}], {"text": "Be brief"}])
def test_n16_a_malformed_instruction_is_refused(instruction: Any) -> None:
    """A system instruction without parts is refused, not ignored."""
    assert changes(systemInstruction=instruction) == [("refused", "systemInstruction")]


@pytest.mark.parametrize("name", CONFIG)
def test_fields_of_the_config_are_carried(name: str) -> None:
    """A field of the same meaning is set, without a report, whatever its spelling."""
    value, expected = CONFIG[name]
    parsed = parse(generationConfig={name: value})

    assert {key: parsed[key] for key in expected} == expected
    assert changes(generationConfig={name: value}) == []


VISIBLE = {"type": "adaptive", "display": "summarized"}


@pytest.mark.parametrize(
    ("thinking", "expected"),
    [
        ({"thinkingBudget": 0}, {"thinking": {"type": "disabled"}}),
        ({"thinkingBudget": -1}, {}),
        ({"thinkingBudget": -1, "includeThoughts": True}, {"thinking": VISIBLE}),
        ({"includeThoughts": True}, {"thinking": VISIBLE}),
        (
            {"includeThoughts": True, "thinkingBudget": 9},
            {"thinking": {"type": "enabled", "budget_tokens": 9, "display": "summarized"}},
        ),
        ({"includeThoughts": True, "thinkingBudget": 0}, {"thinking": {"type": "disabled"}}),
        ({"includeThoughts": True, "thinkingLevel": "LOW"}, {"reasoning_effort": "low", "thinking": VISIBLE}),
        ({"includeThoughts": False}, {}),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, {}),
    ],
)
def test_thinking_may_be_off_or_left_to_the_model(thinking: Any, expected: dict[str, Any]) -> None:
    """The budget 0 turns thinking off; a dynamic budget sets nothing."""
    parsed = parse(generationConfig={"thinkingConfig": thinking})

    assert {name: parsed[name] for name in ("thinking", "reasoning_effort") if name in parsed} == expected


GOOGLE_ONLY: dict[str, Any] = {
    "safetySettings": [{"category": "X"}],
    "labels": {"a": "b"},
    "future_field": 1,
    "generationConfig.speechConfig": {"voiceConfig": {}, "languageCode": "de"},
    "generationConfig.imageConfig": {"aspectRatio": "1:1"},
    "generationConfig.audioTimestamp": True,
    "generationConfig.enable_affective_dialog": True,
    "generationConfig.mediaResolution": "MEDIA_RESOLUTION_MEDIUM",
    "generationConfig.routingConfig": {"manualMode": {}},
    "toolConfig.retrievalConfig": {"languageCode": "de"},
    "toolConfig.includeServerSideToolInvocations": True,
}


@pytest.mark.parametrize("path", GOOGLE_ONLY)
def test_n16_fields_that_only_google_has_are_reported(path: str) -> None:
    """A field without an equivalent is dropped and reported under the client's own name."""
    outer, _, inner = path.partition(".")
    value = GOOGLE_ONLY[path]
    fields: dict[str, Any] = {outer: {inner: value} if inner else value}

    assert changes(**fields) == [("dropped", path)]


@pytest.mark.parametrize("name", ["cachedContent", "cached_content", "continuationToken"])
def test_what_is_elsewhere_is_refused(name: str) -> None:
    """A field that stands for a stored part of the request is refused, not dropped."""
    assert changes(**{name: "x"}) == [("refused", name)]


TOOLS: dict[str, tuple[Any, dict[str, Any], list[tuple[str, str]]]] = {
    "parameters": (
        [{"function_declarations": [{"name": "f", "parameters": {"type": "OBJECT", "nullable": True}}]}],
        {
            "tools": [
                {"type": "function", "function": {"name": "f", "parameters": {"type": ["object", "null"]}}}
            ]
        },
        [],
    ),
    "a JSON schema": (
        [{"functionDeclarations": [{"name": "f", "description": "d", "parametersJsonSchema": SCHEMA}]}],
        {
            "tools": [
                {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}
            ]
        },
        [],
    ),
    "functions of two tools": (
        [{"functionDeclarations": [{"name": "f"}]}, {"functionDeclarations": [{"name": "g"}]}],
        {"tools": [{"type": "function", "function": {"name": name}} for name in "fg"]},
        [],
    ),
    "search": ([{"google_search": {}}], {"web_search_options": {}}, [("renamed", "tools[0].google_search")]),
    "Google's tools": (
        [{"codeExecution": {}}, {"urlContext": {}}],
        {},
        [("dropped", "tools[0].codeExecution"), ("dropped", "tools[1].urlContext")],
    ),
    "other fields": (
        [{"functionDeclarations": [{"name": "f", "response": SCHEMA, "behavior": "BLOCKING"}]}],
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        [("dropped", "tools[0].functionDeclarations[0].response")],
    ),
}


@pytest.mark.parametrize("name", TOOLS)
def test_tools(name: str) -> None:
    """Functions become functions; tools of Google are renamed or dropped, and reported."""
    tools, expected, reported = TOOLS[name]
    parsed = parse(tools=tools)

    assert {key: parsed[key] for key in ("tools", "web_search_options") if key in parsed} == expected
    assert changes(tools=tools) == reported


def function(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"mode": "AUTO"}, None),
        ({"mode": "NONE"}, "none"),
        ({"mode": "ANY"}, "required"),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, function("f")),
        (
            {"mode": "ANY", "allowed_function_names": ["f", "g"]},
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [function("f"), function("g")]},
            },
        ),
        ({"mode": "VALIDATED"}, "auto"),
    ],
)
def test_tool_choice(config: dict[str, Any], expected: Any) -> None:
    """The calling mode becomes a tool_choice."""
    parsed = parse(tools=[{"functionDeclarations": []}], toolConfig={"functionCallingConfig": config})

    assert parsed.get("tool_choice") == expected


def test_parts_of_a_user() -> None:
    """Text, media in either spelling and URLs become content parts; base64 becomes standard base64."""
    (message,) = messages(
        {
            "parts": [
                {"text": "a"},
                {"inlineData": {"mimeType": "image/png", "data": "-_8"}},
                {"inline_data": {"mime_type": "audio/mpeg", "data": "aGk="}},
                {"inlineData": {"mimeType": "application/pdf", "data": "aGk=", "displayName": "a.pdf"}},
                {"inlineData": {"mimeType": "video/mp4", "data": "aGk="}},
                {"fileData": {"mimeType": "image/png", "fileUri": "https://x.example/a.png"}},
            ]
        }
    )

    assert message["content"] == [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,+/8="}},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}},
        {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,aGk="}},
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
    ]


@pytest.mark.parametrize(
    "uri",
    [
        "gs://b/a.png",
        "files/abc",
        "https://generativelanguage.googleapis.com/v1beta/files/x",
        "https://youtu.be/x",
    ],
)
def test_files_that_only_google_reads_are_refused(uri: str) -> None:
    """A file that no other provider can fetch is refused, not dropped."""
    contents = [{"parts": [{"file_data": {"file_uri": uri}}]}]

    assert changes(contents=contents) == [("refused", "contents[0].parts[0].file_data.file_uri")]


def result(name: str, response: Any, **more: Any) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": response, **more}}


def test_n14_results_are_paired_by_id_then_name_then_order() -> None:
    """Each result gets its call's id; calls without an id get one; results come before other content."""
    calls = [
        {"functionCall": {"name": name, "args": {}, **more}}
        for name, more in (("f", {"id": "1"}), ("g", {}), ("f", {}))
    ]
    answers = [
        {"text": "and"},
        result("f", {"result": "c"}),
        result("g", {"output": "b"}),
        result("f", {"error": "a"}, id="1"),
    ]
    _, assistant, *rest = messages(
        HI[0], {"role": "model", "parts": calls}, {"role": "user", "parts": answers}
    )

    ids = [call["id"] for call in assistant["tool_calls"]]
    assert ids[0] == "1"
    assert len(set(ids)) == 3
    by_id = {message["tool_call_id"]: message for message in rest if message["role"] == "tool"}
    assert [by_id[each]["content"] for each in ids] == ["a", "b", "c"]
    assert [message.get("is_error", False) for message in rest[:3]].count(True) == 1
    assert rest[-1] == {"role": "user", "content": "and"}


def test_n15_contents_of_the_model_in_a_row_are_one_message() -> None:
    """The chunks of a stream, which SDKs send back one by one, are one turn with all its calls."""
    chunks = [{"role": "model", "parts": [part]} for part in ({"text": "a"}, CALL, CALL, {"text": ""})]
    answers = {"role": "user", "parts": [result("f", {"a": 1}), result("f", {"b": 2})]}
    _, assistant, first, second = messages(HI[0], *chunks, answers)

    assert assistant["content"] == "a"
    assert [call["id"] for call in assistant["tool_calls"]] == [first["tool_call_id"], second["tool_call_id"]]
    assert (first["content"], second["content"]) == ('{"a":1}', '{"b":2}')


def test_thoughts_are_reasoning() -> None:
    """Earlier thoughts are reasoning, not text; code that Google ran becomes text."""
    parts = [
        {"text": "Hm", "thought": True},
        {"text": "A"},
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}},
        {"toolCall": {"id": "x"}},
    ]
    contents = [HI[0], {"role": "model", "parts": parts}]
    message = messages(*contents)[1]

    assert message["reasoning_content"] == "Hm"
    assert message["content"] == "A\n```python\n1\n```\n\n```\n2\n```\n"
    assert changes(contents=contents) == [
        ("emulated", "contents[1].parts[2]"),
        ("emulated", "contents[1].parts[3]"),
        ("dropped", "contents[1].parts[4]"),
    ]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "STRING", "maxLength": "5"}, {"type": "string", "maxLength": 5}),
        (
            {"anyOf": [{"type": "NUMBER"}], "nullable": True},
            {"anyOf": [{"type": "number"}, {"type": "null"}]},
        ),
        (
            {"type": "STRING", "enum": ["a"], "nullable": True},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        (
            {"type": "ARRAY", "items": {"type": "INTEGER"}, "min_items": 2},
            {"type": "array", "items": {"type": "integer"}, "minItems": 2},
        ),
        (
            {
                "type": "OBJECT",
                "properties": {"a_b": {"type": "STRING"}, "type": {}},
                "propertyOrdering": ["type"],
            },
            {"type": "object", "properties": {"type": {}, "a_b": {"type": "string"}}},
        ),
        ({"type": "TYPE_UNSPECIFIED", "description": "d"}, {"description": "d"}),
    ],
)
def test_n17_schemas(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    """A Schema of Google's is a JSON schema with the same meaning; names of properties stay."""
    config = {"responseMimeType": "application/json", "responseSchema": schema}

    assert parse(generationConfig=config)["response_format"]["json_schema"]["schema"] == expected


def test_words_of_an_enum_are_asked_for() -> None:
    """A response that is one of several words is requested in words, which is reported."""
    config = {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["yes", "no"]}}

    assert "yes, no" in parse(generationConfig=config)["messages"][0]["content"]
    assert changes(generationConfig=config) == [("emulated", "generationConfig.responseSchema")]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"contents": []}, "contents"),
        ({"contents": "hi"}, "contents"),
        ({"contents": [3]}, "contents[0]"),
        ({"contents": [{"parts": 3}]}, "contents[0].parts"),
        ({"contents": [{"parts": ["x"]}]}, "contents[0].parts[0]"),
        ({"model": " "}, "model"),
    ],
)
def test_invalid_requests_name_the_field(fields: dict[str, Any], param: str) -> None:
    """The fields that the gateway itself reads are checked."""
    with pytest.raises(InvalidRequest) as raised:
        parse(**fields)

    assert raised.value.param == param


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("messages[0].content", "system_instruction"),
        ("messages[1].content[0]", "contents[0]"),
        ("messages[3].tool_call_id", "contents[2].parts[0].functionResponse"),
        ("max_completion_tokens", "generationConfig.max_output_tokens"),
        ("temperature", "generationConfig.temperature"),
        ("response_format", "generationConfig.responseMimeType"),
        ("tools[1].function.name", "tools[1].functionDeclarations[0]"),
        ("tool_choice", "toolConfig"),
    ],
)
def test_n16_reports_name_the_clients_fields(path: str, expected: str) -> None:
    """A path of the chat request is a path of the client's body, in the client's spelling."""
    request = parse(
        system_instruction={"parts": [{"text": "s"}]},
        contents=[HI[0], {"role": "model", "parts": [CALL]}, {"role": "user", "parts": [result("f", {})]}],
        generationConfig={"max_output_tokens": 3, "temperature": 1, "responseMimeType": "application/json"},
        tools=[{"functionDeclarations": [{"name": "f"}]}, {"functionDeclarations": [{"name": "g"}]}],
    )

    assert client_path(request, path) == expected
