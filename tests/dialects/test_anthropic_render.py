"""What the golden cases of the Anthropic dialect cannot show: refusals, and what holds of any number."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.dialects import anthropic
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest

TARGET = Target(
    Provider("anthropic", "https://api.example.test/v1", title="Anthropic"),
    Model("claude", max_output_tokens=32_000, capabilities=Capabilities(structured_output=True)),
)
MARK = {"type": "ephemeral"}
LOOP: dict[str, Any] = {"properties": {}, "$defs": {}}
LOOP["properties"]["self"] = LOOP


def asked(*parts: dict[str, Any], **fields: Any) -> ChatRequest:
    content = list(parts) or "Hi"
    return cast(ChatRequest, {"model": "m", "messages": [{"role": "user", "content": content}], **fields})


def file(data: str) -> dict[str, Any]:
    return {"type": "file", "file": {"file_data": data}}


def schema(told: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "r", "schema": told}}


REFUSED = {
    "a40_audio": (
        asked({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}),
        "messages[0].content[0].type",
    ),
    "a40_video": (
        asked({"type": "video_url", "video_url": {"url": "https://a.test/v.mp4"}}),
        "messages[0].content[0].type",
    ),
    "a39_spreadsheet": (
        asked(file("data:application/vnd.ms-excel;base64,0M8R4KGxGuE=")),
        "messages[0].content[0].file.file_data",
    ),
    "a39_no_data": (
        asked(file("data:application/pdf;base64,")),
        "messages[0].content[0].file.file_data",
    ),
    "a37_no_picture": (
        asked({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,SUkqAA=="}}),
        "messages[0].content[0].image_url.url",
    ),
    "a38_no_address": (
        asked({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}),
        "messages[0].content[0].image_url.url",
    ),
    "x20_a49_several_answers": (asked(n=2), "n"),
    "a20_unknown_tool": (
        asked(
            tools=[{"type": "function", "function": {"name": "f"}}],
            tool_choice={"type": "function", "function": {"name": "g"}},
        ),
        "tool_choice",
    ),
    "a50_custom_tool": (asked(tools=[{"type": "custom", "custom": {"name": "f"}}]), "tools[0].type"),
    "a48_endless_schema": (asked(response_format=schema(LOOP)), "response_format.json_schema.schema"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a40_what_cannot_be_said_is_refused(name: str) -> None:
    """What Anthropic has no words for is the request's fault, and the parameter is named."""
    request, param = REFUSED[name]

    with pytest.raises(InvalidRequest) as caught:
        anthropic.render_request(request, TARGET)

    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize("marks", range(12))
def test_a41_marks_of_the_cache_are_few(marks: int) -> None:
    """Four marks go at most, the latest of them, and the request that was given keeps all of its own."""
    parts = [{"type": "text", "text": str(i), "cache_control": MARK} for i in range(marks)]
    request = asked(*parts, {"type": "text", "text": "?"})
    before = json.dumps(request)
    rendered = anthropic.render_request(request, TARGET)
    content = rendered.body["messages"][0]["content"]
    marked = [block["text"] for block in content if "cache_control" in block]

    assert marked == [str(i) for i in range(marks)][-4:]
    assert [change.path for change in rendered.changes] == ["cache_control"] * (marks > 4)
    assert json.dumps(request) == before


def test_a44_users_that_differ_are_told() -> None:
    """Of several words for the client's user one goes, and the others are reported."""
    rendered = anthropic.render_request(
        asked(user="u-1", safety_identifier="u-2", metadata={"user_id": "u-2"}), TARGET
    )

    assert rendered.body["metadata"] == {"user_id": "u-2"}
    assert [(change.kind, change.path) for change in rendered.changes] == [("dropped", "user")]


@pytest.mark.parametrize("user", ["ann@example.test", "+49 30 1234567", "x" * 513])
def test_x23_a44_nobody_is_identified(user: str) -> None:
    """An address, a telephone number or a text too long goes as a hash, the same one every time."""
    first, second = (anthropic.render_request(asked(user=user), TARGET).body["metadata"] for _ in range(2))

    assert first == second
    assert len(first["user_id"]) == 64
    assert user not in json.dumps(first)


@pytest.mark.parametrize("temperature", [0, 0.5, 1, 1.01, 2])
def test_x27_temperatures_are_clamped_aloud(temperature: float) -> None:
    """A temperature goes as it is where it may, and is reported where it was cut down to one."""
    rendered = anthropic.render_request(asked(temperature=temperature), TARGET)

    assert rendered.body["temperature"] == min(temperature, 1)
    assert [change.kind for change in rendered.changes] == ["clamped"] * (temperature > 1)
