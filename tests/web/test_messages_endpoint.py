"""`/v1/messages` from the outside: what goes to whom, and how a refusal looks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import run_gateway
from tests.fakes.provider import FakeResponse, FakeProvider

HI = [{"role": "user", "content": "Hi"}]
COUNT = "/v1/messages/count_tokens"


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as running:
        yield running


def post(
    folder: Path,
    provider: FakeProvider,
    model: str = "two/claude-fake",
    path: str = "/v1/messages",
    headers: dict[str, str] | None = None,
    **fields: Any,
) -> httpx.Response:
    body = {"model": model, "max_tokens": 64, "messages": HI, **fields}

    async def story(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(path, json=body, headers=headers or {})

    return run_gateway(folder, provider, story)


def sent(provider: FakeProvider) -> Any:
    return provider.requests[-1].body


def test_the_diagonal_passes_unknown_fields_both_ways(tmp_path: Path, provider: FakeProvider) -> None:
    """To a provider that speaks the same go the client's own body and betas; back comes its own answer."""
    block = {"type": "from_next_month", "inner": {"deep": [1, None, "ü"]}}
    answer = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "A"}, block]}
    answer |= {
        "id": "msg_1",
        "model": "m",
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1},
        "new": {},
    }
    provider.script("claude-fake", FakeResponse(body=json.dumps(answer).encode()))
    asked = {
        "messages": [{"role": "user", "content": [block], "aside": 1}],
        "context_management": {"edits": []},
    }
    headers = {"anthropic-beta": "next-month-2030-01-01", "anthropic-version": "2023-06-01", "x-other": "1"}
    response = post(tmp_path, provider, headers=headers, future={"field": True}, **asked)

    assert response.json() == answer
    assert sent(provider) == {"model": "claude-fake", "max_tokens": 64, "future": {"field": True}, **asked}
    assert provider.requests[-1].headers["anthropic-beta"] == "next-month-2030-01-01"
    assert "x-other" not in provider.requests[-1].headers
    assert provider.requests[-1].key == "sk-two-0123456789"


def test_the_diagonal_passes_events_verbatim(tmp_path: Path, provider: FakeProvider) -> None:
    """A stream of the same format comes out event by event as it came in, pings and unknown events too."""
    start = {"type": "message_start", "message": {"id": "msg_1", "usage": {"input_tokens": 3}, "extra": 1}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "A", "x": 2}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}
    told = [start, {"type": "ping"}, block, delta, {"type": "from_next_month"}, end, {"type": "message_stop"}]
    raw = "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in told)
    provider.script("claude-fake", FakeResponse(body=raw.encode(), content_type="text/event-stream"))

    assert post(tmp_path, provider, stream=True).text == raw


def test_r16_our_own_thinking_goes_to_nobody(tmp_path: Path, provider: FakeProvider) -> None:
    """Blocks that this gateway made up are taken out of what passes; signed ones stay, in their order."""
    ours = [
        {"type": "thinking", "thinking": "Hm", "signature": "ve1."},
        {"type": "redacted_thinking", "data": "ve1.e30="},
    ]
    signed = {"type": "thinking", "thinking": "Hm", "signature": "c2ln"}
    text = {"type": "text", "text": "Ah."}
    turns = [{"role": "assistant", "content": [*ours, signed, text]}, {"role": "assistant", "content": ours}]
    post(tmp_path, provider, messages=[*HI, *turns, *HI])

    assert sent(provider)["messages"] == [*HI, {"role": "assistant", "content": [signed, text]}, *HI]


THOUGHT = {"role": "assistant", "content": "Ah.", "reasoning_content": "Hm. Well."}


def completion(message: dict[str, Any]) -> FakeResponse:
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return FakeResponse(body=json.dumps({"id": "c1", "object": "chat.completion", "choices": [choice]}).encode())


def test_r16_thinking_returns_to_its_provider_alone(tmp_path: Path, provider: FakeProvider) -> None:
    """Reasoning of another provider is a thinking block, comes back to it as reasoning, and to no other."""
    provider.script("gpt-fake", completion(THOUGHT))
    content = post(tmp_path, provider, "one/gpt-fake").json()["content"]
    turns = [*HI, {"role": "assistant", "content": content}, *HI]
    post(tmp_path, provider, "one/gpt-fake", messages=turns)
    again = sent(provider)["messages"][1]
    post(tmp_path, provider, "two/claude-fake", messages=turns)

    assert [block["type"] for block in content] == ["thinking", "text"]
    assert content[0]["thinking"] == "Hm. Well."
    assert again == THOUGHT
    assert sent(provider)["messages"][1]["content"] == [{"type": "text", "text": "Ah."}]
    assert not any(b"ve1." in request.raw for request in provider.requests)


@pytest.mark.parametrize("path", ["/v1/messages", "/messages", "/v1/messages?beta=true"])
def test_r1_any_way_to_send_the_key(tmp_path: Path, provider: FakeProvider, path: str) -> None:
    """The endpoint answers with and without /v1, and to `x-api-key` as its SDK sends it."""
    from tests.fakes.gateway_app import SYSTEM

    response = post(tmp_path, provider, path=path, headers={"authorization": "", "x-api-key": SYSTEM})

    assert response.status_code == 200
    assert response.json()["content"] == [{"type": "text", "text": "Hello from a fake provider."}]


@pytest.mark.parametrize("stream", [False, True])
def test_r14_a_route_gives_any_model_any_name(tmp_path: Path, provider: FakeProvider, stream: bool) -> None:
    """A name of the operator's leads to a provider of another format, and the answer bears that name."""
    response = post(tmp_path, provider, "fast", stream=stream)

    assert sent(provider)["model"] == "gpt-fake"
    assert response.headers["x-vaultedge-provider"] == "one"
    assert '"model":"fast"' in response.text


def test_a_fallback_speaks_the_clients_language(tmp_path: Path, provider: FakeProvider) -> None:
    """Where the translated target fails, the fallback that speaks the same gets the client's own body."""
    provider.script("gpt-fake", FakeResponse(status=500))
    response = post(tmp_path, provider, "fast", top_k=3)

    assert response.headers["x-vaultedge-provider"] == "two"
    assert sent(provider) == {"model": "claude-fake", "max_tokens": 64, "messages": HI, "top_k": 3}


@pytest.mark.parametrize("field", ["context_management", "container", "mcp_servers"])
def test_r17_what_nobody_else_can_do(tmp_path: Path, provider: FakeProvider, field: str) -> None:
    """What only Anthropic can do is refused elsewhere, by name, before anybody is asked."""
    response = post(tmp_path, provider, "one/gpt-fake", **{field: {"a": 1}})

    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert field in response.json()["error"]["message"]
    assert provider.requests == []


def test_r15_betas_are_ignored_aloud(tmp_path: Path, provider: FakeProvider) -> None:
    """A beta means nothing to others: the request is answered, and the loss is told; strict calls refuse."""
    headers = {"anthropic-beta": "x-2030", "x-vaultedge-explain": "1"}
    response = post(tmp_path, provider, "one/gpt-fake", headers=headers)
    strict = post(tmp_path, provider, "one/gpt-fake", headers={**headers, "x-vaultedge-strict": "1"})

    assert response.json()["vaultedge"]["translation"][0]["path"] == "anthropic-beta"
    assert "anthropic-beta" not in provider.requests[-1].headers
    assert strict.status_code == 400
    assert "anthropic-beta" in strict.json()["error"]["message"]


def test_u5_usage_that_nobody_told(tmp_path: Path, provider: FakeProvider) -> None:
    """Where a provider tells no usage the answer has a guess, and says that it is one."""
    provider.script("gpt-fake", completion({"role": "assistant", "content": "Hello there, how are you?"}))
    usage = post(tmp_path, provider, "one/gpt-fake").json()["usage"]

    assert usage["estimated"] is True
    assert usage["input_tokens"] == 5
    assert usage["output_tokens"] > 5


REFUSALS = {
    "no key": (401, "authentication_error", {"headers": {"authorization": ""}}),
    "no model": (404, "not_found_error", {"model": "nobody/knows"}),
    "no messages": (400, "invalid_request_error", {"messages": []}),
    "not json": (415, "invalid_request_error", {"headers": {"content-type": "text/plain"}}),
    "no path": (404, "not_found_error", {"path": "/v1/messages/batches"}),
    "no path, no v1": (404, "not_found_error", {"path": "/messages/batches"}),
    "too large": (413, "request_too_large", {"messages": [{"role": "user", "content": "x" * 5_500_000}]}),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_r12_refusals_in_anthropics_envelope(tmp_path: Path, provider: FakeProvider, case: str) -> None:
    """Whatever refuses a request at these paths, it does so in Anthropic's words."""
    status, kind, fields = REFUSALS[case]
    response = post(tmp_path, provider, **fields)

    assert response.status_code == status
    assert response.json() == {
        "type": "error",
        "error": {"type": kind, "message": response.json()["error"]["message"]},
    }


def test_r12_a_method_that_is_not_answered(tmp_path: Path, provider: FakeProvider) -> None:
    """A wrong method is told so in the envelope of the path; other paths keep theirs."""

    async def story(client: httpx.AsyncClient) -> list[Any]:
        return [(await client.get(path)).json() for path in ("/v1/messages", "/v1/chat/completions")]

    ours, theirs = run_gateway(tmp_path, provider, story)

    assert ours["type"] == "error"
    assert theirs["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("status", "seen", "kind"),
    [(400, 400, "invalid_request_error"), (429, 429, "rate_limit_error"), (529, 502, "api_error")],
)
@pytest.mark.parametrize("model", ["one/gpt-fake", "two/claude-fake"])
def test_r12_providers_refusals(
    tmp_path: Path, provider: FakeProvider, model: str, status: int, seen: int, kind: str
) -> None:
    """A provider's refusal reaches the client in the envelope, with the status it deserves, without a key."""
    provider.script(model.partition("/")[2], FakeResponse(status=status))
    response = post(tmp_path, provider, model)

    assert response.status_code == seen
    assert response.json()["error"]["type"] == kind
    assert "0123456789" not in response.text


@pytest.mark.parametrize("model", ["one/gpt-fake", "two/claude-fake"])
def test_e8_a_stream_that_breaks(tmp_path: Path, provider: FakeProvider, model: str) -> None:
    """A stream that breaks after it has begun ends in an error event, and in no message_stop."""
    provider.script(model.partition("/")[2], FakeResponse(cut="middle"))
    *_, last = post(tmp_path, provider, model, stream=True).text.strip().split("\n\n")
    name, data = last.split("\n")

    assert name == "event: error"
    assert json.loads(data.removeprefix("data: "))["error"]["type"] == "api_error"


def test_r13_who_reads_it_counts_it(tmp_path: Path, provider: FakeProvider) -> None:
    """A provider of the same format is asked to count, at its own path, with the client's own body."""
    provider.script("claude-fake", FakeResponse(body=b'{"input_tokens": 14, "context": {"new": 1}}'))
    response = post(tmp_path, provider, path=COUNT, system="Be brief")

    assert response.json() == {"input_tokens": 14, "context": {"new": 1}}
    assert provider.requests[-1].path == COUNT
    assert sent(provider) == {"model": "claude-fake", "max_tokens": 64, "messages": HI, "system": "Be brief"}


@pytest.mark.parametrize("model", ["one/gpt-fake", "fast"])
def test_r13_elsewhere_it_is_estimated(tmp_path: Path, provider: FakeProvider, model: str) -> None:
    """For a model of another format the count is an estimate, says so, and costs no call."""
    response = post(tmp_path, provider, model, path=COUNT)

    assert response.json() == {"input_tokens": 5, "estimated": True}
    assert provider.requests == []


def test_r13_nobody_counts(tmp_path: Path, provider: FakeProvider) -> None:
    """A provider that has no such path leaves the counting to the estimate; a bad request stays one."""
    provider.script("claude-fake", FakeResponse(status=404))
    response = post(tmp_path, provider, path=COUNT)
    provider.script("claude-fake", FakeResponse(status=400))

    assert response.json() == {"input_tokens": 5, "estimated": True}
    assert post(tmp_path, provider, path=COUNT).status_code == 400
