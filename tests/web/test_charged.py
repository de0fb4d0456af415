"""The charge of a request: by hour, service tier and unit of the reported usage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.gateway_app import bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.limits.account import day_of
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.usage.cost import cost_of_detail
from vaultcore.usage.record import Record

USAGE = {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100}
COMMON_FIELDS = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-5.5",
    "service_tier": "flex",
}
COMPLETION = {
    **COMMON_FIELDS,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
}
CHUNK = {**COMMON_FIELDS, "object": "chat.completion.chunk"}
CHUNKS = [
    {**CHUNK, "choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": None}]},
    {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {**CHUNK, "choices": [], "usage": USAGE},
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
EVENTS = "".join(f"data: {json.dumps(each)}\n\n" for each in CHUNKS) + "data: [DONE]\n\n"
PLAIN_RESPONSE = FakeResponse(usage=(1_000, 100))
COMPLETION_RESPONSE = FakeResponse(
    body=json.dumps({**COMPLETION, "usage": USAGE}).encode(), content_type="application/json"
)
STREAM_RESPONSE = FakeResponse(body=EVENTS.encode(), content_type="text/event-stream")
MESSAGE_RESPONSE = FakeResponse(body=json.dumps(MESSAGE).encode(), content_type="application/json")


def record_of(folder: Path, model: str, reply: FakeResponse, hour: int, *, stream: bool = False) -> Record:
    """Run one request to a provider of the catalog at an hour (UTC); return its usage record."""
    name, _, model_name = model.partition("/")
    clock = FakeClock()
    clock.time = 20_000 * 86_400.0 + hour * 3_600
    with FakeProvider() as provider:
        provider.script(model_name, reply)
        file = folder / "own.yaml"
        file.write_text(f'providers: {{{name}: {{base_url: "{provider.base_url}", local: true}}}}')
        services = build_services(
            folder, provider, keys=[(name, "sk-0123456789abcdef")], clock=clock, providers_file=file
        )

        async def scenario(client: httpx.AsyncClient) -> Record:
            body: dict[str, Any] = {
                "model": model,
                "messages": [{"role": "user", "content": "hi " * 1_000}],
                "max_tokens": 200,
                "stream": stream,
            }
            headers = bearer(await issue_key(services, credits=10**12))
            response = await client.post("/v1/chat/completions", json=body, headers=headers)
            assert response.status_code == 200, response.text
            return await only_record(services)

        return run_with_client(services, scenario)


async def only_record(services: Services) -> Record:
    documents = await services.store.query(
        document_types.records_collection(day_of(services.clock.now())), limit=9
    )
    (record,) = [Record.unpack(document.body) for document in documents]
    return record


@pytest.mark.parametrize(
    ("model", "reply", "hour", "stream", "nanos"),
    [
        ("deepseek/deepseek-v4-pro", PLAIN_RESPONSE, 2, False, 1_000 * 1_320 + 100 * 3_960),
        ("deepseek/deepseek-v4-pro", PLAIN_RESPONSE, 12, False, 1_000 * 660 + 100 * 1_980),
        ("deepseek/deepseek-v4-pro", PLAIN_RESPONSE, 2, True, 1_000 * 1_320 + 100 * 3_960),
        ("openai/gpt-5.5", COMPLETION_RESPONSE, 2, False, 1_000 * 2_500 + 100 * 15_000),
        ("openai/gpt-5.5", STREAM_RESPONSE, 2, True, 1_000 * 2_500 + 100 * 15_000),
        ("anthropic/claude-opus-5-5", MESSAGE_RESPONSE, 2, False, 1_000 * 8_000),
    ],
)
def test_reported_usage_is_charged(
    model: str, reply: FakeResponse, hour: int, stream: bool, nanos: int, tmp_path: Path
) -> None:
    """The prices of hour, service tier and units apply. The record's prices give the same sum."""
    record = record_of(tmp_path, model, reply, hour, stream=stream)

    assert record.cost == nanos
    assert cost_of_detail(json.loads(json.dumps(record.price))) == nanos
    assert "clamped" not in record.flags
