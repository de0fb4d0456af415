"""What a request is charged, from a provider's words to the record: by hour, service tier and unit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.gateway_app import bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeResponse, FakeProvider
from vaultcore.limits.account import day_of
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.usage.cost import cost_of_detail
from vaultcore.usage.record import Record

USAGE = {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100}
SERVED = {"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-5.5", "service_tier": "flex"}
WHOLE = {
    **SERVED,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
}
PIECE = {**SERVED, "object": "chat.completion.chunk"}
STREAM = [
    {**PIECE, "choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": None}]},
    {**PIECE, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {**PIECE, "choices": [], "usage": USAGE},
]
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5-5",
    "content": [{"type": "text", "text": "x"}],
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 0,
        "output_tokens": 0,
        "cache_creation_input_tokens": 1_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 1_000},
    },
}
EVENTS = "".join(f"data: {json.dumps(each)}\n\n" for each in STREAM) + "data: [DONE]\n\n"
PLAIN = FakeResponse(usage=(1_000, 100))
WHOLE_ANSWER = FakeResponse(body=json.dumps({**WHOLE, "usage": USAGE}).encode(), content_type="application/json")
STREAM_ANSWER = FakeResponse(body=EVENTS.encode(), content_type="text/event-stream")
MESSAGE_ANSWER = FakeResponse(body=json.dumps(MESSAGE).encode(), content_type="application/json")


def recorded(folder: Path, model: str, answer: FakeResponse, hour: int, *, stream: bool = False) -> Record:
    """The record of one request to a provider of the catalog, asked at that hour."""
    name, _, served = model.partition("/")
    clock = FakeClock()
    clock.time = 20_000 * 86_400.0 + hour * 3_600
    with FakeProvider() as provider:
        provider.script(served, answer)
        file = folder / "own.yaml"
        file.write_text(f'providers: {{{name}: {{base_url: "{provider.base_url}", local: true}}}}')
        services = build_services(
            folder, provider, keys=[(name, "sk-0123456789abcdef")], clock=clock, providers_file=file
        )

        async def story(client: httpx.AsyncClient) -> Record:
            question: dict[str, Any] = {
                "model": model,
                "messages": [{"role": "user", "content": "hi " * 1_000}],
                "max_tokens": 200,
                "stream": stream,
            }
            headers = bearer(await issue_key(services, credits=10**12))
            response = await client.post("/v1/chat/completions", json=question, headers=headers)
            assert response.status_code == 200, response.text
            return await only(services)

        return run_with_client(services, story)


async def only(services: Services) -> Record:
    documents = await services.store.query(
        document_types.records_collection(day_of(services.clock.now())), limit=9
    )
    (record,) = [Record.unpack(document.body) for document in documents]
    return record


@pytest.mark.parametrize(
    ("model", "answer", "hour", "stream", "nanos"),
    [
        ("deepseek/deepseek-v4-pro", PLAIN, 2, False, 1_000 * 1_320 + 100 * 3_960),
        ("deepseek/deepseek-v4-pro", PLAIN, 12, False, 1_000 * 660 + 100 * 1_980),
        ("deepseek/deepseek-v4-pro", PLAIN, 2, True, 1_000 * 1_320 + 100 * 3_960),
        ("openai/gpt-5.5", WHOLE_ANSWER, 2, False, 1_000 * 2_500 + 100 * 15_000),
        ("openai/gpt-5.5", STREAM_ANSWER, 2, True, 1_000 * 2_500 + 100 * 15_000),
        ("anthropic/claude-opus-5-5", MESSAGE_ANSWER, 2, False, 1_000 * 8_000),
    ],
)
def test_what_an_answer_tells_is_what_is_charged(
    model: str, answer: FakeResponse, hour: int, stream: bool, nanos: int, tmp_path: Path
) -> None:
    """At the price of its hour, its service tier and its units; the record makes the same sum again."""
    record = recorded(tmp_path, model, answer, hour, stream=stream)

    assert record.cost == nanos
    assert cost_of_detail(json.loads(json.dumps(record.price))) == nanos
    assert "clamped" not in record.flags
