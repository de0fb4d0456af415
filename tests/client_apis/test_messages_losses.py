"""Fields of the Messages API that another provider has in another form, or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import Target
from vaultcore.client_apis import messages
from vaultcore.upstream.provider_request import render

CATALOG = load_builtin()
TARGETS = {
    "openai": "gpt-4.1",
    "gemini": "gemini-3-pro-preview",
    "bedrock": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "mistral": "mistral-large-latest",
    "cohere": "command-a-03-2025",
}
TOOL = {"name": "look", "input_schema": {"type": "object", "properties": {}}}
AUTO = {"type": "auto", "disable_parallel_tool_use": False}
PDF = "JVBERi0xLjQK"


def send(provider: str, **fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the body that a provider gets, and the kind of change of each of the client's fields."""
    model = TARGETS[provider]
    target = Target(CATALOG.providers[provider], CATALOG.models.model(provider, model))
    body = {"model": "m", "max_tokens": 8_000, "messages": [{"role": "user", "content": "Hi"}], **fields}
    native = messages.native_request(body, {})
    translation = native.translated(messages.parse_request(body), target)
    rendered = render(target, translation.request).rendered
    changes = {translation.restore_path(change.path): change.kind for change in rendered.changes}
    return rendered.body, changes | {change.path: change.kind for change in translation.changes}


def turn(use: str, result: str, **fields: Any) -> list[dict[str, Any]]:
    """Return a conversation with one tool use and one result."""
    block = {"type": "tool_result", "tool_use_id": result, "content": "no such file", **fields}
    return [
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": use, "name": "look", "input": {}}]},
        {"role": "user", "content": [block]},
    ]


@pytest.mark.parametrize("provider", TARGETS)
def test_r6_a_choice_that_is_the_default_loses_nothing(provider: str) -> None:
    """`disable_parallel_tool_use: false` is the default of every provider."""
    _, changes = send(provider, tools=[TOOL], tool_choice=AUTO)

    assert not [path for path in changes if path.startswith("tool_choice")]


def test_g12_gemini_gets_an_automatic_choice() -> None:
    """The mode AUTO is sent if the client sends it."""
    body, _ = send("gemini", tools=[TOOL], tool_choice=AUTO)

    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "AUTO"}}


@pytest.mark.parametrize("provider", TARGETS)
def test_r6_a_choice_without_a_function_is_reported(provider: str) -> None:
    """Without a function, an automatic choice is left out and reported, but nothing is lost."""
    body, changes = send(provider, tool_choice=AUTO)

    assert "tool_choice" not in body
    assert changes["tool_choice"] == "emulated"


@pytest.mark.parametrize(
    "edit",
    [
        {"type": "clear_tool_uses_20250919"},
        {"type": "clear_thinking_20251015", "keep": "all"},
        {"type": "compact_20260112"},
    ],
    ids=lambda edit: edit["type"],
)
def test_r26_an_edit_that_is_not_due_is_reported(edit: dict[str, Any]) -> None:
    """The gateway does context edits itself; the report says that one has no effect yet."""
    _, changes = send("openai", context_management={"edits": [edit]})

    assert changes["context_management.edits[0]"] == "emulated"


def test_r3_a_failed_tool_is_reported_under_the_name_of_the_client() -> None:
    """A provider without a field for failed tools gets the text of the result alone."""
    body, changes = send("openai", messages=turn("t1", "t1", is_error=True), tools=[TOOL])

    assert body["messages"][2]["content"] == "no such file"
    assert changes["messages[2].content[0].is_error"] == "dropped"


@pytest.mark.parametrize("provider", TARGETS)
def test_r3_a_result_without_a_call_belongs_to_the_call_without_a_result(provider: str) -> None:
    """If one result names no call and one call has no result, they belong together."""
    body, changes = send(provider, messages=turn("t1", "t2"), tools=[TOOL])

    assert "no such file" in str(body)
    assert changes["messages[2].content[0].tool_use_id"] == "emulated"
    assert "messages" not in changes  # no result is invented


def test_b14_the_title_of_a_document_is_reported_if_bedrock_cannot_have_it() -> None:
    """Bedrock's names of documents have no ending."""
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    document = {"type": "document", "source": source, "title": "Sales.pdf"}
    question = {"type": "text", "text": "How much?"}
    body, changes = send("bedrock", messages=[{"role": "user", "content": [document, question]}])

    assert '"name": "Sales"' in json.dumps(body["messages"])
    assert changes["messages[0].content"] == "renamed"
