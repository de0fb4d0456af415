"""Rendering chat completions: errors and paths, which golden cases do not cover."""

from __future__ import annotations

from typing import Any

import pytest

from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.client_apis import messages
from vaultcore.dialects import gemini, openai
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest

PDF = "data:application/pdf;base64,JVBERi0="
REQUEST: ChatRequest = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "n": 2}


def test_x20_several_choices_are_rejected() -> None:
    """`n` above 1 raises InvalidRequest if the provider returns one choice."""
    target = Target(Provider("acme", "https://api.acme.test/v1", drop=frozenset({"n"})), Model("m"))

    with pytest.raises(InvalidRequest) as caught:
        openai.render_request(REQUEST, target)

    assert caught.value.param == "n"


def test_a_rename_yields_to_an_existing_field() -> None:
    """If a renamed field exists already, the renamed one is dropped and reported."""
    target = Target(Provider("acme", "https://api.acme.test/v1", rename={"seed": "n"}), Model("m"))
    rendered = openai.render_request({**REQUEST, "seed": 1}, target)  # type: ignore[typeddict-unknown-key]  # passes

    assert rendered.body["n"] == 2
    assert [(change.kind, change.path) for change in rendered.changes] == [("dropped", "seed")]


def test_the_path() -> None:
    """Requests go to /chat/completions."""
    assert (
        openai.render_path(REQUEST, Target(Provider("a", "https://a.test"), Model("m")))
        == "/chat/completions"
    )


def test_a_repeated_result_is_sent_once() -> None:
    """Of two results of one call the last one is sent; calls that share an id keep their results."""
    call = {"id": "one", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    results = [{"role": "tool", "tool_call_id": "one", "content": text} for text in ("first", "last")]
    target = Target(Provider("acme", "https://api.acme.test/v1"), Model("m"))

    def render(calls: int) -> list[object]:
        turns = [{"role": "assistant", "content": None, "tool_calls": [call] * calls}, *results]
        request = {"model": "m", "messages": [{"role": "user", "content": "Hi"}, *turns]}
        rendered = openai.render_request(request, target)  # type: ignore[arg-type]  # literals
        return [*(message["content"] for message in rendered.body["messages"][2:]), len(rendered.changes)]

    assert render(1) == ["last", 1]
    assert render(2) == ["first", "last", 0]


def test_a_file_without_a_name_gets_one() -> None:
    """OpenAI rejects a file without a name; other client APIs have such files."""
    target = Target(Provider("acme", "https://api.acme.test/v1"), Model("m"))
    files = [{"file_data": PDF}, {"file_data": PDF, "filename": "a.pdf"}, {"file_id": "file-1"}]
    parts: Any = [{"type": "file", "file": file} for file in files]
    body = openai.render_request(
        {"model": "m", "messages": [{"role": "user", "content": parts}]}, target
    ).body

    sent = [part["file"] for part in body["messages"][0]["content"]]
    assert sent == [{"filename": "document.pdf", "file_data": PDF}, *files[1:]]


def test_a_document_of_messages_without_a_title_loses_nothing_at_gemini() -> None:
    """Strict mode accepts the document: the gateway reports no name that the client did not send."""
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF.partition(",")[2]}
    content = [{"type": "document", "source": source}]
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": content}]}
    target = Target(Provider("acme", "https://api.acme.test/v1", dialect="gemini"), Model("gemini-3-pro"))

    assert gemini.render_request(messages.parse_request(body), target).changes == ()
