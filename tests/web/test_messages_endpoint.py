"""`/v1/messages` for clients: the provider's requests, the responses and the errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import run_gateway
from tests.fakes.provider import FakeProvider, FakeResponse

HI = [{"role": "user", "content": "Hi"}]
COUNT = "/v1/messages/count_tokens"


def post(
    folder: Path,
    provider: FakeProvider,
    model: str = "two/claude-fake",
    path: str = "/v1/messages",
    headers: dict[str, str] | None = None,
    **fields: Any,
) -> httpx.Response:
    body = {"model": model, "max_tokens": 64, "messages": HI, **fields}

    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(path, json=body, headers=headers or {})

    return run_gateway(folder, provider, scenario)


def last_body(provider: FakeProvider) -> Any:
    return provider.requests[-1].body


def test_native_requests_keep_unknown_fields(tmp_path: Path, provider: FakeProvider) -> None:
    """A provider with the same API gets the client's body and betas; the client gets the provider's
    response."""
    part = {"type": "from_next_month", "inner": {"deep": [1, None, "ü"]}}
    reply = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "A"}, part]}
    reply |= {
        "id": "msg_1",
        "model": "m",
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1},
        "new": {},
    }
    provider.script("claude-fake", FakeResponse(body=json.dumps(reply).encode()))
    fields = {
        "messages": [{"role": "user", "content": [part], "aside": 1}],
        "context_management": {"edits": []},
    }
    headers = {"anthropic-beta": "next-month-2030-01-01", "anthropic-version": "2023-06-01", "x-other": "1"}
    response = post(tmp_path, provider, headers=headers, future={"field": True}, **fields)

    assert response.json() == reply
    assert last_body(provider) == {
        "model": "claude-fake",
        "max_tokens": 64,
        "future": {"field": True},
        **fields,
    }
    assert provider.requests[-1].headers["anthropic-beta"] == "next-month-2030-01-01"
    assert "x-other" not in provider.requests[-1].headers
    assert provider.requests[-1].key == "sk-two-0123456789"


def test_native_streams_keep_every_event(tmp_path: Path, provider: FakeProvider) -> None:
    """A stream in the client's format is forwarded event by event, including pings and unknown events."""
    start = {"type": "message_start", "message": {"id": "msg_1", "usage": {"input_tokens": 3}, "extra": 1}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "A", "x": 2}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}
    events = [
        start,
        {"type": "ping"},
        block,
        delta,
        {"type": "from_next_month"},
        end,
        {"type": "message_stop"},
    ]
    raw = "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events)
    provider.script("claude-fake", FakeResponse(body=raw.encode(), content_type="text/event-stream"))

    assert post(tmp_path, provider, stream=True).text == raw


def test_r16_synthetic_thinking_is_removed(tmp_path: Path, provider: FakeProvider) -> None:
    """Thinking blocks that the gateway made are removed from native requests; signed ones stay in order."""
    synthetic = [
        {"type": "thinking", "thinking": "Hm", "signature": "ve1."},
        {"type": "redacted_thinking", "data": "ve1.e30="},
    ]
    signed = {"type": "thinking", "thinking": "Hm", "signature": "c2ln"}
    text = {"type": "text", "text": "Ah."}
    conversation = [
        {"role": "assistant", "content": [*synthetic, signed, text]},
        {"role": "assistant", "content": synthetic},
    ]
    post(tmp_path, provider, messages=[*HI, *conversation, *HI])

    assert last_body(provider)["messages"] == [*HI, {"role": "assistant", "content": [signed, text]}, *HI]


REASONED_MESSAGE = {"role": "assistant", "content": "Ah.", "reasoning_content": "Hm. Well."}


def completion(message: dict[str, Any]) -> FakeResponse:
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return FakeResponse(
        body=json.dumps({"id": "c1", "object": "chat.completion", "choices": [choice]}).encode()
    )


def test_r16_reasoning_returns_only_to_its_provider(tmp_path: Path, provider: FakeProvider) -> None:
    """Another provider's reasoning becomes a thinking block, which is sent back to that provider only."""
    provider.script("gpt-fake", completion(REASONED_MESSAGE))
    content = post(tmp_path, provider, "one/gpt-fake").json()["content"]
    conversation = [*HI, {"role": "assistant", "content": content}, *HI]
    post(tmp_path, provider, "one/gpt-fake", messages=conversation)
    again = last_body(provider)["messages"][1]
    post(tmp_path, provider, "two/claude-fake", messages=conversation)

    assert [block["type"] for block in content] == ["thinking", "text"]
    assert content[0]["thinking"] == "Hm. Well."
    assert again == REASONED_MESSAGE
    assert last_body(provider)["messages"][1]["content"] == [{"type": "text", "text": "Ah."}]
    assert not any(b"ve1." in request.raw for request in provider.requests)


@pytest.mark.parametrize("path", ["/v1/messages", "/messages", "/v1/messages?beta=true"])
def test_r1_paths_and_key_headers(tmp_path: Path, provider: FakeProvider, path: str) -> None:
    """The endpoint exists with and without /v1, and accepts `x-api-key`, which Anthropic's SDK sends."""
    from tests.fakes.gateway_app import SYSTEM

    response = post(tmp_path, provider, path=path, headers={"authorization": "", "x-api-key": SYSTEM})

    assert response.status_code == 200
    assert response.json()["content"] == [{"type": "text", "text": "Hello from a fake provider."}]


@pytest.mark.parametrize("stream", [False, True])
def test_r14_a_route_leads_to_another_format(tmp_path: Path, provider: FakeProvider, stream: bool) -> None:
    """A route leads to a provider with another format, and the response has the route's name as its model."""
    response = post(tmp_path, provider, "fast", stream=stream)

    assert last_body(provider)["model"] == "gpt-fake"
    assert response.headers["x-vaultedge-provider"] == "one"
    assert '"model":"fast"' in response.text


def test_a_native_fallback_gets_the_clients_body(tmp_path: Path, provider: FakeProvider) -> None:
    """If the translated target fails, a fallback with the same API gets the client's own body."""
    provider.script("gpt-fake", FakeResponse(status=500))
    response = post(tmp_path, provider, "fast", top_k=3)

    assert response.headers["x-vaultedge-provider"] == "two"
    assert last_body(provider) == {"model": "claude-fake", "max_tokens": 64, "messages": HI, "top_k": 3}


@pytest.mark.parametrize("field", ["container", "mcp_servers"])
def test_r17_anthropic_only_fields_are_rejected_elsewhere(
    tmp_path: Path, provider: FakeProvider, field: str
) -> None:
    """A field that only Anthropic supports is rejected by name for other providers, before any call."""
    response = post(tmp_path, provider, "one/gpt-fake", **{field: {"a": 1}})

    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert field in response.json()["error"]["message"]
    assert provider.requests == []


@pytest.mark.parametrize("stream", [False, True])
def test_r26_responses_list_applied_edits(tmp_path: Path, provider: FakeProvider, stream: bool) -> None:
    """The response lists the edits that took effect, as Anthropic's does, in `message_delta` if streamed."""
    call = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "rain " * 100}
    conversation = [*HI, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    edit = {"type": "clear_tool_uses_20250919", "trigger": {"type": "tool_uses", "value": 0}}
    edit["keep"] = {"type": "tool_uses", "value": 0}
    tools = [{"name": "look", "input_schema": {"type": "object"}}]
    fields = {"messages": conversation, "tools": tools, "context_management": {"edits": [edit]}}
    response = post(tmp_path, provider, "one/gpt-fake", stream=stream, **fields)

    events = [json.loads(line[5:]) for line in response.text.splitlines() if line.startswith("data:")]
    message = next(each for each in events if each["type"] == "message_delta") if stream else response.json()
    (applied,) = message["context_management"]["applied_edits"]
    assert applied["type"] == "clear_tool_uses_20250919"
    assert applied["cleared_tool_uses"] == 1
    assert applied["cleared_input_tokens"] > 50
    assert "rain" not in json.dumps(last_body(provider))


def test_r26_keeping_everything_is_no_edit(tmp_path: Path, provider: FakeProvider) -> None:
    """Claude Code's default, to keep all thinking, changes nothing and is no loss in strict mode."""
    edits = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
    strict = {"x-vaultedge-strict": "1"}
    response = post(tmp_path, provider, "one/gpt-fake", headers=strict, context_management=edits)

    assert response.status_code == 200
    assert response.json()["context_management"] == {"applied_edits": []}


@pytest.mark.parametrize("kind", ["create", "continue"])
def test_r27_threads_are_refused_elsewhere(tmp_path: Path, provider: FakeProvider, kind: str) -> None:
    """A thread is a conversation that only Anthropic holds: SDKs read the details and send it whole."""
    thread = {"type": kind, **({"previous_message_id": "msg_1"} if kind == "continue" else {})}
    response = post(tmp_path, provider, "one/gpt-fake", thread=thread)

    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert response.json()["error"]["details"] == {
        "error_code": "thread_unsupported_request",
        "unsupported": ["thread"],
    }
    assert provider.requests == []


COUNTS: dict[str, tuple[str, dict[str, Any], str]] = {  # path, body, what the error contains
    "thread": (
        "/v1/messages/count_tokens",
        {"messages": HI, "thread": {"type": "continue", "previous_message_id": "msg_1"}},
        "thread_unsupported_request",
    ),
    "prompt": ("/v1/responses/input_tokens", {"input": "Hi", "prompt": {"id": "pmpt_1"}}, "prompt"),
    "cached content": (
        "/v1beta/models/one/gpt-fake:countTokens",
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "cachedContent": "cachedContents/1"},
        "cachedContent",
    ),
}


@pytest.mark.parametrize("case", COUNTS)
def test_r27_a_part_elsewhere_is_not_counted_as_nothing(
    tmp_path: Path, provider: FakeProvider, case: str
) -> None:
    """If another provider holds a part of the request, a count of the rest would mislead: it is a 400."""
    path, body, text = COUNTS[case]

    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(path, json={"model": "one/gpt-fake", **body})

    response = run_gateway(tmp_path, provider, scenario)

    assert response.status_code == 400, response.text
    assert text in response.text


@pytest.mark.parametrize("status", [401, 404, 429, 529])
def test_r27_a_continued_thread_has_no_failover(tmp_path: Path, provider: FakeProvider, status: int) -> None:
    """Another provider or another account does not know the thread: nobody else is asked."""
    provider.script("claude-fake", FakeResponse(status=status))
    thread = {"type": "continue", "previous_message_id": "msg_1"}
    keys = [("one", "sk-one-0123456789"), ("two", "sk-two-0123456789"), ("two", "sk-two-9876543210")]

    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        body = {"model": "turned", "max_tokens": 64, "messages": HI, "thread": thread}
        return await client.post("/v1/messages", json=body)

    response = run_gateway(tmp_path, provider, scenario, keys=keys)

    assert response.status_code >= 400
    assert {request.key for request in provider.requests} == {"sk-two-0123456789"}


def test_r15_ignored_betas_are_reported(tmp_path: Path, provider: FakeProvider) -> None:
    """Other providers do not get betas: the loss is in the report, and an error in strict mode."""
    headers = {"anthropic-beta": "x-2030", "x-vaultedge-explain": "1"}
    response = post(tmp_path, provider, "one/gpt-fake", headers=headers)
    strict = post(tmp_path, provider, "one/gpt-fake", headers={**headers, "x-vaultedge-strict": "1"})

    assert response.json()["vaultedge"]["translation"][0]["path"] == "anthropic-beta"
    assert "anthropic-beta" not in provider.requests[-1].headers
    assert strict.status_code == 400
    assert "anthropic-beta" in strict.json()["error"]["message"]


def test_u5_missing_usage_is_estimated(tmp_path: Path, provider: FakeProvider) -> None:
    """If a provider reports no usage, the response has an estimate that is marked as one."""
    provider.script("gpt-fake", completion({"role": "assistant", "content": "Hello there, how are you?"}))
    usage = post(tmp_path, provider, "one/gpt-fake").json()["usage"]

    assert usage["estimated"] is True
    assert usage["input_tokens"] == 5
    assert usage["output_tokens"] > 5


ERRORS = {
    "no key": (401, "authentication_error", {"headers": {"authorization": ""}}),
    "no model": (404, "not_found_error", {"model": "unknown/model"}),
    "no messages": (400, "invalid_request_error", {"messages": []}),
    "not json": (415, "invalid_request_error", {"headers": {"content-type": "text/plain"}}),
    "no path": (404, "not_found_error", {"path": "/v1/messages/batches"}),
    "no path, no v1": (404, "not_found_error", {"path": "/messages/batches"}),
    "too large": (413, "request_too_large", {"messages": [{"role": "user", "content": "x" * 5_500_000}]}),
}


@pytest.mark.parametrize("case", ERRORS)
def test_r12_errors_in_anthropics_format(tmp_path: Path, provider: FakeProvider, case: str) -> None:
    """Every error at these paths has Anthropic's format."""
    status, kind, fields = ERRORS[case]
    response = post(tmp_path, provider, **fields)

    assert response.status_code == status
    assert response.json() == {
        "type": "error",
        "error": {"type": kind, "message": response.json()["error"]["message"]},
    }


def test_r12_a_wrong_method(tmp_path: Path, provider: FakeProvider) -> None:
    """A wrong method gets an error in the format of the path's API."""

    async def scenario(client: httpx.AsyncClient) -> list[Any]:
        return [(await client.get(path)).json() for path in ("/v1/messages", "/v1/chat/completions")]

    messages_error, chat_error = run_gateway(tmp_path, provider, scenario)

    assert messages_error["type"] == "error"
    assert chat_error["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("status", "client_status", "kind"),
    [(400, 400, "invalid_request_error"), (429, 429, "rate_limit_error"), (529, 502, "api_error")],
)
@pytest.mark.parametrize("model", ["one/gpt-fake", "two/claude-fake"])
def test_r12_provider_errors(
    tmp_path: Path, provider: FakeProvider, model: str, status: int, client_status: int, kind: str
) -> None:
    """A provider's error reaches the client in Anthropic's format, with a suitable status and without a
    key."""
    provider.script(model.partition("/")[2], FakeResponse(status=status))
    response = post(tmp_path, provider, model)

    assert response.status_code == client_status
    assert response.json()["error"]["type"] == kind
    assert "0123456789" not in response.text


@pytest.mark.parametrize("model", ["one/gpt-fake", "two/claude-fake"])
def test_e8_a_broken_stream(tmp_path: Path, provider: FakeProvider, model: str) -> None:
    """A stream that breaks after its start ends with an error event and without message_stop."""
    provider.script(model.partition("/")[2], FakeResponse(cut="middle"))
    *_, last = post(tmp_path, provider, model, stream=True).text.strip().split("\n\n")
    name, data = last.split("\n")

    assert name == "event: error"
    assert json.loads(data.removeprefix("data: "))["error"]["type"] == "api_error"


def test_r13_a_native_provider_counts_tokens(tmp_path: Path, provider: FakeProvider) -> None:
    """A provider with the same API counts the tokens, at its own path, from the client's body."""
    provider.script("claude-fake", FakeResponse(body=b'{"input_tokens": 14, "context": {"new": 1}}'))
    response = post(tmp_path, provider, path=COUNT, system="Be brief")

    assert response.json() == {"input_tokens": 14, "context": {"new": 1}}
    assert provider.requests[-1].path == COUNT
    assert last_body(provider) == {
        "model": "claude-fake",
        "max_tokens": 64,
        "messages": HI,
        "system": "Be brief",
    }


@pytest.mark.parametrize("model", ["one/gpt-fake", "fast"])
def test_r13_other_providers_get_an_estimate(tmp_path: Path, provider: FakeProvider, model: str) -> None:
    """For a model of another format the count is an estimate, is marked as one, and makes no call."""
    response = post(tmp_path, provider, model, path=COUNT)

    assert response.json() == {"input_tokens": 5, "estimated": True}
    assert provider.requests == []


def test_r13_a_provider_without_count_tokens(tmp_path: Path, provider: FakeProvider) -> None:
    """If the provider lacks the path, the count is an estimate; an invalid request is still a 400 error."""
    provider.script("claude-fake", FakeResponse(status=404))
    response = post(tmp_path, provider, path=COUNT)
    provider.script("claude-fake", FakeResponse(status=400))

    assert response.json() == {"input_tokens": 5, "estimated": True}
    assert post(tmp_path, provider, path=COUNT).status_code == 400
