"""Inputs whose tokens are unknown before the call, and tools of the provider, are found by their shape."""

from __future__ import annotations

from typing import Any

import pytest

from vaultcore.usage.request_estimate import estimate_chat
from vaultcore.usage.unbounded_input import find_server_tool, find_unbounded

PNG, PDF = "data:image/png;base64,aGk=", "data:application/pdf;base64,aGk="
URL = "https://example.com/a"


def ask(*parts: Any) -> dict[str, Any]:
    """Return a request with these content parts after a text."""
    return {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": URL}, *parts]}]}


def block(source: dict[str, Any], kind: str = "document") -> dict[str, Any]:
    return {"type": kind, "source": source}


def contents(part: dict[str, Any]) -> dict[str, Any]:
    """Return a request of Google's API with a part."""
    return {"contents": [{"role": "user", "parts": [{"text": URL}, part]}]}


BOUNDED: dict[str, Any] = {
    "Google's image": contents({"inlineData": {"mimeType": "image/png", "data": "aGk="}}),
    "Google's text file": contents({"inline_data": {"mime_type": "text/csv", "data": "aGk="}}),
    "Google's call": contents({"functionCall": {"name": "f", "args": {"url": URL}}}),
    "Google's result": contents({"functionResponse": {"name": "f", "response": {"fileUri": URL}}}),
    "Google's functions": {**contents({}), "tools": [{"functionDeclarations": [{"name": "f"}]}]},
    "Google's functions without lists": {**contents({}), "tools": {"functionDeclarations": {"name": "f"}}},
    "Google's instruction": {**contents({}), "systemInstruction": {"parts": [{"text": URL}]}},
    "text that is an address": {"messages": [{"role": "user", "content": URL}]},
    "an image": ask({"type": "image_url", "image_url": {"url": PNG, "detail": "high"}}),
    "an image as text": ask({"type": "input_image", "image_url": PNG}),
    "an Anthropic image": ask(block({"type": "base64", "media_type": "image/png", "data": "aGk="}, "image")),
    "a text document": ask(block({"type": "text", "media_type": "text/plain", "data": URL})),
    "a document of blocks": ask(block({"type": "content", "content": [{"type": "text", "text": URL}]})),
    "a titled document": ask({**block({"type": "text", "data": "x"}), "title": URL, "context": URL}),
    "a text file": ask({"type": "file", "file": {"file_data": "data:text/csv;base64,aGk=", "filename": URL}}),
    "a recording": ask({"type": "input_audio", "input_audio": {"format": "wav", "data": "aGk="}}),
    "a search result of the client": ask({"type": "search_result", "source": URL, "content": []}),
    "a tool's result": ask({"type": "tool_result", "tool_use_id": URL, "content": URL}),
    "a tool's arguments": {
        "messages": [
            {"role": "assistant", "tool_calls": [{"function": {"arguments": URL}}]},
            {"role": "tool", "content": URL},
            {"role": "assistant", "content": [{"type": "tool_use", "input": {"url": URL, "file_id": "f"}}]},
        ]
    },
    "a search in an earlier turn": ask({"type": "web_search_tool_result", "content": [{"url": URL}]}),
    "items of Responses": {
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": URL}]},
            {"type": "function_call", "arguments": URL, "call_id": "c"},
            {"type": "function_call_output", "output": URL, "call_id": "c"},
            {"type": "web_search_call", "action": {"url": URL}},
            {"type": "output_text", "text": "x", "annotations": [{"url": URL}]},
        ]
    },
    "plain input": {"input": URL, "instructions": URL},
    "fields that turn nothing on": {"messages": [], "tools": [], "web_search_options": None, "plugins": []},
}
UNBOUNDED: dict[str, tuple[Any, str]] = {
    "Google's only tool, without a list": ({**contents({}), "tools": {"googleSearch": {}}}, "tools"),
    "Google's only part, without a list": (
        {"contents": {"parts": {"fileData": {"fileUri": URL}}}},
        "contents.parts.fileData.fileUri",
    ),
    "a file by id": (ask({"type": "file", "file": {"file_id": "f"}}), "messages[0].content[1].file.file_id"),
    "an image by URL": (
        ask({"type": "image_url", "image_url": {"url": URL}}),
        "messages[0].content[1].image_url.url",
    ),
    "a PDF": (
        ask({"type": "file", "file": {"file_data": PDF}}),
        "messages[0].content[1].file.file_data",
    ),
    "a file of raw base64": (
        ask({"type": "file", "file": {"file_data": "aGk="}}),
        "messages[0].content[1].file.file_data",
    ),
    "a video": (ask({"type": "video_url", "video_url": {"url": PNG}}), "messages[0].content[1].video_url"),
    "frames of a video": (ask({"type": "video", "video": [PNG]}), "messages[0].content[1]"),
    "a document by URL": (
        ask({"type": "document_url", "document_url": URL}),
        "messages[0].content[1].document_url",
    ),
    "a file in a bucket": (
        ask({"type": "image_url", "image_url": {"url": "gs://b/f"}}),
        "messages[0].content[1].image_url.url",
    ),
    "a recording of unknown length": (
        ask({"type": "input_audio", "input_audio": {"format": "opus", "data": "aGk="}}),
        "messages[0].content[1].input_audio",
    ),
    "an earlier spoken answer": (
        {"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]},
        "messages[0].audio",
    ),
    "Anthropic's file": (
        ask(block({"type": "file", "file_id": "f"})),
        "messages[0].content[1].source.file_id",
    ),
    "Anthropic's URL": (ask(block({"type": "url", "url": URL})), "messages[0].content[1].source.url"),
    "Anthropic's PDF": (
        ask(block({"type": "base64", "media_type": "application/pdf", "data": "aGk="})),
        "messages[0].content[1].source.data",
    ),
    "a file in a tool's result": (
        ask({"type": "tool_result", "content": [block({"type": "file", "file_id": "f"}, "image")]}),
        "messages[0].content[1].content[0].source.file_id",
    ),
    "a file in a container": (
        ask({"type": "container_upload", "file_id": "f"}),
        "messages[0].content[1]",
    ),
    "a system document": ({"system": [block({"type": "url", "url": URL})]}, "system[0].source.url"),
    "Responses' file": (
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]},
        "input[0].content[0].file_id",
    ),
    "Responses' file by URL": (
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": URL}]}]},
        "input[0].content[0].file_url",
    ),
    "an item by id": ({"input": [{"type": "item_reference", "id": "i"}]}, "input[0]"),
    "an image in a function's output": (
        {"input": [{"type": "function_call_output", "output": [{"type": "input_image", "image_url": URL}]}]},
        "input[0].output[0].image_url",
    ),
    "Google's document": (
        contents({"inlineData": {"mimeType": "application/pdf", "data": "aGk="}}),
        "contents[0].parts[1].inlineData.data",
    ),
    "Google's file": (
        contents({"file_data": {"file_uri": "https://x/y"}}),
        "contents[0].parts[1].file_data.file_uri",
    ),
    "a file in Google's result": (
        contents({"functionResponse": {"parts": [{"fileData": {"fileUri": "gs://x"}}]}}),
        "contents[0].parts[1].functionResponse.parts[0].fileData.fileUri",
    ),
    "Google's search beside functions": (
        {**contents({}), "tools": [{"functionDeclarations": [], "googleSearch": {}}]},
        "tools[0]",
    ),
    "a response to continue": ({**contents({}), "continuationToken": "YQ=="}, "continuationToken"),
    "a stored prompt": ({"prompt": {"id": "pmpt_1"}, "input": "x"}, "prompt"),
    "cached content": ({"messages": [], "cached_content": "cachedContents/1"}, "cached_content"),
    "a web search": ({**ask(), "web_search_options": {}}, "web_search_options"),
    "an MCP server": ({**ask(), "mcp_servers": [{"url": URL}]}, "mcp_servers"),
    "a second tool": ({"tools": [{"type": "function"}, {"type": "file_search"}]}, "tools[1]"),
}
CLIENT_TOOLS = (
    *("function", "custom", "bash_20250124", "text_editor_20250728", "computer_20250124", "memory_20250818"),
    *("local_shell", "apply_patch"),
)
SERVER_TOOLS = (
    *("web_search", "web_search_preview_2025_03_11", "web_search_20250305", "web_fetch_20250910"),
    *("code_execution_20250825", "code_interpreter", "file_search", "mcp", "mcp_toolset", "image_generation"),
    *("tool_search_tool_regex_20251119", "openrouter:web_search", "a_tool_of_tomorrow"),
)


@pytest.mark.parametrize("name", BOUNDED)
def test_bounded_inputs(name: str) -> None:
    """Text, images in the request and text files are bounded, also where they quote an address or an id."""
    assert find_unbounded(BOUNDED[name]) is None


@pytest.mark.parametrize("name", UNBOUNDED)
def test_unbounded_inputs(name: str) -> None:
    """Files by id, URLs, documents, video and provider tools are found in every API, with their path."""
    body, path = UNBOUNDED[name]

    assert find_unbounded(body) == path


def test_tools_that_the_client_runs() -> None:
    """Functions and the tools that only describe a client's own are no tools of the provider."""
    for kind in CLIENT_TOOLS:
        assert find_server_tool({"tools": [{"type": kind, "name": "x"}]}) is None, kind
    assert find_server_tool({"tools": [{"name": "x", "input_schema": {}}, {"function": {}}]}) is None


def test_tools_that_the_provider_runs() -> None:
    """Every other tool runs at the provider, known or not, and so does Gemini's form of a tool."""
    for kind in SERVER_TOOLS:
        assert find_server_tool({"tools": [{"type": kind}]}) == "tools[0]", kind
    assert find_server_tool({"tools": [{"googleSearch": {}}]}) == "tools[0]"


def test_text_files_are_bounded_by_their_bytes() -> None:
    """A text has at most as many tokens as bytes, also in a file and in a part of unknown type."""
    file = {"type": "file", "file": {"file_data": "data:text/plain;base64," + "x" * 50_000}}

    for part in (file, {"type": "note", "note": "x" * 50_000}):
        request: Any = ask(part)
        assert estimate_chat(request).prompt > 50_000
        assert estimate_chat(request).unbounded is None


def test_parts_without_a_translation_are_counted_by_their_bytes() -> None:
    """A part of a native body that the chat form does not contain adds its bytes to the prompt's bound."""
    result = {"type": "web_search_tool_result", "content": [{"encrypted_content": "x" * 10_000}]}
    chat: Any = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}

    bare, full = estimate_chat(chat, ask()), estimate_chat(chat, ask(result))

    assert full.prompt - bare.prompt > 10_000
    signed = estimate_chat(chat, contents({"text": "hi", "thoughtSignature": "x" * 10_000}))
    assert signed.prompt - bare.prompt > 10_000
