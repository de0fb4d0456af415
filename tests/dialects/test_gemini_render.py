"""Paths, rejected requests, errors and mutate requests of the Gemini dialect."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.dialects.test_fuzz import mutate
from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.client_apis import chat
from vaultcore.dialects import ErrorDetail, gemini
from vaultcore.dialects.gemini.model_generation import NEWEST, parse_generation
from vaultcore.errors import InvalidRequest
from vaultcore.streams.sse import Event

GOLDEN = Path(__file__).parent / "golden"
PROVIDER = Provider("gemini", "https://api.example.test/v1beta", title="Gemini", dialect="gemini")
HI: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
LOOK = {"type": "function", "function": {"name": "look"}}


def target(name: str = "gemini-2.5-flash") -> Target:
    return Target(PROVIDER, Model(name))


def render(**fields: Any) -> dict[str, Any]:
    return gemini.render_request(chat.parse_request({**HI, **fields}), target()).body


def user_message(*parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("gemini-2.5-flash", "/models/gemini-2.5-flash:generateContent"),
        ("models/gemini-2.5-flash", "/models/gemini-2.5-flash:generateContent"),
        ("tuned model:x@1", "/models/tuned%20model%3Ax%401:generateContent"),
    ],
)
def test_g30_the_model_is_in_the_path(name: str, path: str) -> None:
    """A model name is one escaped segment of the path."""
    assert gemini.render_path(chat.parse_request(HI), target(name)) == path


def test_g29_streams_use_server_sent_events() -> None:
    """A stream has its own path and asks for server-sent events."""
    path = gemini.render_path(chat.parse_request({**HI, "stream": True}), target())

    assert path == "/models/gemini-2.5-flash:streamGenerateContent?alt=sse"


@pytest.mark.parametrize("name", ["a/b", "..", "a..b", "a?key=1", "a#b", "a%2fb", "ä", "", "models/", "../x"])
def test_g30_names_that_change_the_path_are_rejected(name: str) -> None:
    """A model name that could change the path raises InvalidRequest."""
    with pytest.raises(InvalidRequest) as caught:
        gemini.render_path(chat.parse_request(HI), target(name))

    assert caught.value.param == "model"


def test_g28_the_key_is_sent_in_a_header() -> None:
    """The catalog row of Gemini sends the key in x-goog-api-key, without a prefix, and uses this dialect."""
    row = load_builtin().providers["gemini"]

    assert (row.auth.header, row.auth.prefix, row.dialect) == ("x-goog-api-key", "", "gemini")
    assert row.base_url == "https://generativelanguage.googleapis.com/v1beta"
    assert load_builtin().providers["gemini-compat"].dialect == "openai"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gemini-1.5-pro", (1, 5)),
        ("gemini-2.5-flash-lite-preview-06-17", (2, 5)),
        ("gemini-live-2.5-flash", (2, 5)),
        ("gemini-3-pro-preview", (3, 0)),
        ("models/gemini-3.8-flash", (3, 8)),
        ("gemini-flash-latest", NEWEST),
        ("gemma-4-31b-it", NEWEST),
    ],
)
def test_generations_are_parsed_from_names(name: str, expected: tuple[int, int]) -> None:
    """A model name has its generation; a name without one counts as the newest."""
    assert parse_generation(name) == expected


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        (
            user_message({"type": "image_url", "image_url": {"url": "ftp://a.test/a.png"}}),
            "messages[0].content[0].image_url.url",
        ),
        (
            user_message({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo*"}}),
            "messages[0].content[0].image_url.url",
        ),
        (
            user_message({"type": "image_url", "image_url": "data:image/png;base64,"}),
            "messages[0].content[0].image_url",
        ),
        (user_message({"type": "image_url", "image_url": 7}), "messages[0].content[0].image_url"),
        (
            user_message({"type": "image_url", "image_url": {"url": "data:;base64,AAAA"}}),
            "messages[0].content[0].image_url.url",
        ),
        (
            user_message({"type": "input_audio", "input_audio": {"data": "AAAA"}}),
            "messages[0].content[0].input_audio.format",
        ),
        (
            user_message({"type": "file", "file": {"file_id": "file-123"}}),
            "messages[0].content[0].file.file_id",
        ),
        (user_message({"type": "file", "file": {}}), "messages[0].content[0].file"),
        (user_message({"type": "hologram"}), "messages[0].content[0].type"),
        (
            {
                "messages": [
                    {"role": "system", "content": [{"type": "image_url", "image_url": "gs://b/a.png"}]}
                ]
            },
            "messages[0].content",
        ),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
        ({"tools": [LOOK, {"type": "google_search"}]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        (
            {"tools": [LOOK], "tool_choice": {"type": "function", "function": {"name": "other"}}},
            "tool_choice",
        ),
        ({"tools": [LOOK], "tool_choice": "sometimes"}, "tool_choice"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"modalities": ["smell"]}, "modalities"),
        ({"reasoning_effort": "low", "reasoning": {"effort": "high"}}, "reasoning_effort"),
        ({"reasoning_effort": "immense"}, "reasoning_effort"),
        ({"thinking": {"type": "enabled", "budget_tokens": "all"}}, "thinking.budget_tokens"),
        ({"cached_content": "cachedContents/1", "tools": [LOOK]}, "tools"),
    ],
)
def test_unsupported_requests_are_rejected(fields: dict[str, Any], param: str) -> None:
    """G22, G12, G16, G25, X30: an unsupported request raises InvalidRequest that names the parameter."""
    with pytest.raises(InvalidRequest) as caught:
        render(**fields)

    assert caught.value.param == param


def test_u4_counts_are_replaced() -> None:
    """GR4: counts of later events replace earlier ones; counts that they omit stay."""
    decoder = gemini.create_decoder()
    text = {"candidates": [{"content": {"parts": [{"text": "x"}]}}]}
    for counted in (
        {"promptTokenCount": 9, "thoughtsTokenCount": 4},
        {"candidatesTokenCount": 2},
        {"candidatesTokenCount": 5},
    ):
        list(decoder.feed(Event(json.dumps({**text, "usageMetadata": counted}))))

    assert list(decoder.close())[-1]["usage"] == {
        "prompt_tokens": 9,
        "completion_tokens": 9,
        "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }


@pytest.mark.parametrize("wrapped", [False, True])
def test_gr9_errors_in_a_list_are_parsed(wrapped: bool) -> None:
    """The message and the status of an error are parsed, with or without a list around it."""
    error: Any = {"error": {"code": 400, "message": "No such field", "status": "INVALID_ARGUMENT"}}

    detail = gemini.parse_error(400, json.dumps([error] if wrapped else error).encode())

    assert detail == ErrorDetail("No such field", "INVALID_ARGUMENT")


@pytest.mark.parametrize("wrapped", [False, True])
def test_e2_an_invalid_key_has_its_code(wrapped: bool) -> None:
    """Gemini answers an invalid key with 400; its code shows that the key is at fault."""
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    error: Any = {"error": {"code": 400, "message": "No", "status": "INVALID_ARGUMENT", "details": details}}

    assert (
        gemini.parse_error(400, json.dumps([error] if wrapped else error).encode()).code == "API_KEY_INVALID"
    )


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[" * 50_000, b'{"error": {"details": [1, {"reason": []}]}}']
)
def test_errors_of_any_shape_are_parsed(body: bytes) -> None:
    """Any error body yields a message."""
    assert gemini.parse_error(500, body).message


@pytest.mark.parametrize("data", ["[1]", "null", "{", '"sk-secret"', "[" * 99_999, '{"a":' * 99_999])
def test_events_that_are_not_objects(data: str) -> None:
    """An event that is not a JSON object raises ValueError that quotes nothing of it."""
    with pytest.raises(ValueError, match="not a JSON object") as caught:
        list(gemini.create_decoder().feed(Event(data)))

    assert data[:20] not in str(caught.value)
    assert caught.value.__context__ is None


REQUESTS = sorted(GOLDEN.glob("*/*/request.json"))


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: f"{path.parts[-3]}-{path.parts[-2]}")
def test_mutated_requests(path: Path) -> None:
    """A mutate request is rendered as JSON or raises InvalidRequest that names the parameter."""
    request, chance = json.loads(path.read_text("utf-8")), random.Random(4)
    capabilities = [Capabilities(), Capabilities(prefill=False, sampling_params=False, thinking="adaptive")]
    names = ["gemini-2.0-flash", "gemini-2.5-pro", "gemini-3-pro-preview"]
    errors = list[InvalidRequest]()
    for _ in range(150 if path.parts[-3] == "gemini" else 10):
        model = Model(chance.choice(names), max_output_tokens=99, capabilities=chance.choice(capabilities))
        try:
            checked = chat.parse_request(mutate(request, chance))
            json.dumps(gemini.render_request(checked, Target(PROVIDER, model)).body, allow_nan=False)
        except InvalidRequest as error:
            errors.append(error)

    assert all(error.param or str(error).startswith(("the body", "numbers")) for error in errors)


def test_deep_schemas() -> None:
    """G13: a schema as deep as a body allows is rendered, or rejected as nested too deeply."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(240):
        schema = {"type": "object", "properties": {"p": schema}}
    message = ""
    try:
        render(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": schema}})
    except InvalidRequest as error:
        message = str(error)

    assert message in {"", "the schema is nested too deeply"}
