"""Rejected requests of the Anthropic dialect, and properties for ranges of values."""

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
CACHE = {"type": "ephemeral"}
RECURSIVE: dict[str, Any] = {"properties": {}, "$defs": {}}
RECURSIVE["properties"]["self"] = RECURSIVE


def chat_request(*parts: dict[str, Any], **fields: Any) -> ChatRequest:
    content = list(parts) or "Hi"
    return cast(ChatRequest, {"model": "m", "messages": [{"role": "user", "content": content}], **fields})


def file(data: str) -> dict[str, Any]:
    return {"type": "file", "file": {"file_data": data}}


def schema_format(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "r", "schema": schema}}


REJECTED = {
    "a40_audio": (
        chat_request({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}),
        "messages[0].content[0].type",
    ),
    "a40_video": (
        chat_request({"type": "video_url", "video_url": {"url": "https://a.test/v.mp4"}}),
        "messages[0].content[0].type",
    ),
    "a39_spreadsheet": (
        chat_request(file("data:application/vnd.ms-excel;base64,0M8R4KGxGuE=")),
        "messages[0].content[0].file.file_data",
    ),
    "a39_no_data": (
        chat_request(file("data:application/pdf;base64,")),
        "messages[0].content[0].file.file_data",
    ),
    "a37_unsupported_image": (
        chat_request({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,SUkqAA=="}}),
        "messages[0].content[0].image_url.url",
    ),
    "a38_unsupported_url": (
        chat_request({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}),
        "messages[0].content[0].image_url.url",
    ),
    "x20_a49_several_choices": (chat_request(n=2), "n"),
    "a20_unknown_tool": (
        chat_request(
            tools=[{"type": "function", "function": {"name": "f"}}],
            tool_choice={"type": "function", "function": {"name": "g"}},
        ),
        "tool_choice",
    ),
    "a50_custom_tool": (chat_request(tools=[{"type": "custom", "custom": {"name": "f"}}]), "tools[0].type"),
    "a48_recursive_schema": (
        chat_request(response_format=schema_format(RECURSIVE)),
        "response_format.json_schema.schema",
    ),
}


@pytest.mark.parametrize("name", REJECTED)
def test_a40_unsupported_requests_are_rejected(name: str) -> None:
    """A request that Anthropic cannot express raises InvalidRequest that names the parameter."""
    request, param = REJECTED[name]

    with pytest.raises(InvalidRequest) as caught:
        anthropic.render_request(request, TARGET)

    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize("breakpoints", range(12))
def test_a41_cache_breakpoints_are_limited(breakpoints: int) -> None:
    """At most the last four breakpoints are sent; the client's request is not modified."""
    parts = [{"type": "text", "text": str(i), "cache_control": CACHE} for i in range(breakpoints)]
    request = chat_request(*parts, {"type": "text", "text": "?"})
    before = json.dumps(request)
    rendered = anthropic.render_request(request, TARGET)
    content = rendered.body["messages"][0]["content"]
    sent = [block["text"] for block in content if "cache_control" in block]

    assert sent == [str(i) for i in range(breakpoints)][-4:]
    assert [change.path for change in rendered.changes] == ["cache_control"] * (breakpoints > 4)
    assert json.dumps(request) == before


def test_a44_conflicting_users_are_reported() -> None:
    """Of several user ids one is sent and the others are reported."""
    rendered = anthropic.render_request(
        chat_request(user="u-1", safety_identifier="u-2", metadata={"user_id": "u-2"}), TARGET
    )

    assert rendered.body["metadata"] == {"user_id": "u-2"}
    assert [(change.kind, change.path) for change in rendered.changes] == [("dropped", "user")]


@pytest.mark.parametrize("user", ["ann@example.test", "+49 30 1234567", "x" * 513])
def test_x23_a44_personal_user_ids_are_hashed(user: str) -> None:
    """An e-mail address, a telephone number or a long text is sent as a stable hash."""
    first, second = (
        anthropic.render_request(chat_request(user=user), TARGET).body["metadata"] for _ in range(2)
    )

    assert first == second
    assert len(first["user_id"]) == 64
    assert user not in json.dumps(first)


@pytest.mark.parametrize("temperature", [0, 0.5, 1, 1.01, 2])
def test_x27_clamped_temperatures_are_reported(temperature: float) -> None:
    """A valid temperature is sent unchanged; a higher one is clamped to 1 and reported."""
    rendered = anthropic.render_request(chat_request(temperature=temperature), TARGET)

    assert rendered.body["temperature"] == min(temperature, 1)
    assert [change.kind for change in rendered.changes] == ["clamped"] * (temperature > 1)
