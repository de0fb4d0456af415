"""Clients that ask for a web search, at providers that search in their own ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import build_services, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse

KEY = "sk-search-0123456789"
TURN = [{"role": "user", "content": "News?"}]
PLACE = {"city": "Bern", "country": "CH"}
APPROXIMATE = {"type": "approximate", "approximate": PLACE}
GOOGLE = "/v1beta/models/{model}:generateContent"
PARTS = [{"role": "user", "parts": [{"text": "News?"}]}]
APIS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": (
        "/v1/chat/completions",
        {"messages": TURN, "web_search_options": {"user_location": APPROXIMATE}},
    ),
    "messages": (
        "/v1/messages",
        {
            "messages": TURN,
            "max_tokens": 99,
            "tools": [{"type": "web_search_20250305", "name": "web_search", "allowed_domains": ["a.ch"]}],
        },
    ),
    "responses": (
        "/v1/responses",
        {"input": "News?", "tools": [{"type": "web_search", "filters": {"allowed_domains": ["a.ch"]}}]},
    ),
    "gemini": (GOOGLE, {"contents": PARTS, "tools": [{"googleSearch": {"excludeDomains": ["b.ch"]}}]}),
}
PAGE = {"type": "web_search_result", "url": "https://a.ch/1", "title": "One", "encrypted_content": "e"}
CITATION = {
    "type": "web_search_result_location",
    "url": "https://a.ch/1",
    "title": "One",
    "cited_text": "Snow.",
    "encrypted_index": "i",
}
CONTENT: list[dict[str, Any]] = [
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "news"}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [PAGE]},
    {"type": "text", "text": "It snows.", "citations": [CITATION]},
]
ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-4-5",
    "content": CONTENT,
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 9, "output_tokens": 5, "server_tool_use": {"web_search_requests": 1}},
}


def post(folder: Path, provider: FakeProvider, api: str, model: str, **fields: Any) -> httpx.Response:
    """Return the response to a request that asks for a search, from a provider of the built-in catalog."""
    rows = [f'  {name}: {{base_url: "{provider.base_url}", local: true}}' for name in ("anthropic", "openai")]
    rows.append(f'  xai: {{base_url: "{provider.base_url}", local: true}}')
    overlay = folder / "search.yaml"
    overlay.write_text("\n".join(["providers:", *rows, ""]))
    keys = [(name, KEY) for name in ("anthropic", "openai", "xai")]
    services = build_services(folder, provider, keys=keys, providers_file=overlay)
    path, body = APIS[api]
    named = {} if api == "gemini" else {"model": model}
    return run_with_client(
        services, lambda client: client.post(path.format(model=model), json={**body, **named, **fields})
    )


@pytest.mark.parametrize("api", [name for name in APIS if name != "messages"])
def test_a43_a_search_reaches_claude_and_its_citations_the_client(tmp_path: Path, api: str) -> None:
    """Claude gets its search tool with the client's options; the client gets what the answer cites."""
    with FakeProvider() as provider:
        provider.script(KEY, FakeResponse(body=json.dumps(ANSWER).encode()))

        response = post(tmp_path, provider, api, "anthropic/claude-opus-4-5")

    (tool,) = provider.requests[0].body["tools"]
    options = {
        "chat": {"user_location": {"type": "approximate", **PLACE}},
        "responses": {"allowed_domains": ["a.ch"]},
        "gemini": {"blocked_domains": ["b.ch"]},
    }
    assert tool == {"type": "web_search_20250305", "name": "web_search", **options[api]}
    assert response.status_code == 200, response.text
    assert "https://a.ch/1" in response.text
    assert "srvtoolu_1" not in response.text
    cited = {"chat": "url_citation", "responses": "url_citation", "gemini": "groundingMetadata"}
    assert cited[api] in response.text


@pytest.mark.parametrize("model", ["openai/gpt-5.2", "xai/grok-4-fast"])
@pytest.mark.parametrize("api", [name for name in APIS if name != "responses"])
def test_p5_a_search_goes_to_responses(tmp_path: Path, api: str, model: str) -> None:
    """A model that searches only at `/responses` gets the request there, from any client API."""
    with FakeProvider() as provider:
        post(tmp_path, provider, api, model)

    request = provider.requests[0]
    assert request.path == "/v1/responses"
    (tool,) = request.body["tools"]
    options = {
        "chat": {"user_location": {"type": "approximate", **PLACE}},
        "messages": {"filters": {"allowed_domains": ["a.ch"]}},
        "gemini": {"filters": {"blocked_domains": ["b.ch"]}},
    }
    assert tool == {"type": "web_search", **options[api]}


@pytest.mark.parametrize("model", ["openai/gpt-5-search-api", "openai/gpt-4o-search-preview"])
def test_p5_a_search_model_stays_at_chat(tmp_path: Path, model: str) -> None:
    """A model that takes `web_search_options` gets them."""
    with FakeProvider() as provider:
        post(tmp_path, provider, "chat", model)

    assert provider.requests[0].path == "/v1/chat/completions"
    assert provider.requests[0].body["web_search_options"] == {"user_location": APPROXIMATE}


def test_a43_a_clients_own_tool_of_that_name_stays(tmp_path: Path) -> None:
    """A function named `web_search` is the client's: the search is left out and reported."""
    function = {"type": "function", "function": {"name": "web_search", "parameters": {"type": "object"}}}
    with FakeProvider() as provider:
        provider.script(KEY, FakeResponse(body=json.dumps(ANSWER).encode()))

        response = post(tmp_path, provider, "chat", "anthropic/claude-opus-4-5", tools=[function])

    (tool,) = provider.requests[0].body["tools"]
    assert response.status_code == 200, response.text
    assert "input_schema" in tool
