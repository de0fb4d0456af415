"""Streams that end without their last event, for every client API and its own dialect, and translated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse
from tests.web.test_charged import only_record
from vaultcore.usage.record import Record

Events = list[dict[str, Any] | str]
CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
CHAT: Events = [
    {**CHUNK, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}}]},
    {**CHUNK, "choices": [{"index": 0, "delta": {"content": " there"}}]},
    {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    "[DONE]",
]
MESSAGES: Events = [
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": 5, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop"},
]
WHOLE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "completed",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
        }
    ],
    "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
}
ITEM = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}
RESPONSES: Events = [
    {"type": "response.created", "response": {**WHOLE, "status": "in_progress", "output": [], "usage": None}},
    {"type": "response.output_item.added", "output_index": 0, "item": ITEM},
    {"type": "response.output_text.delta", "output_index": 0, "item_id": "msg_1", "delta": "Hi"},
    {"type": "response.output_text.done", "output_index": 0, "item_id": "msg_1", "text": "Hi"},
    {"type": "response.completed", "response": WHOLE},
]
EVENTS = {"openai": CHAT, "anthropic": MESSAGES, "responses": RESPONSES}
FIRST = {"openai": 1, "anthropic": 3, "responses": 3}  # events up to the first content
MESSAGE = [{"role": "user", "content": "hello"}]
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": MESSAGE},
    "/v1/messages": {"messages": MESSAGE, "max_tokens": 50},
    "/v1/responses": {"input": "hello"},
}
NATIVE = {"/v1/messages": "anthropic", "/v1/responses": "responses"}
ERROR_TYPES = {"/v1/chat/completions": None, "/v1/messages": "error", "/v1/responses": "error"}
NEEDED = {  # events without which a stream is incomplete: all if they are forwarded, else the finish reason
    (path, dialect): len(EVENTS[dialect]) - (dialect not in {"responses", NATIVE.get(path)})
    for path in BODIES
    for dialect in EVENTS
}
CASES = [
    (path, dialect, count)
    for path in BODIES
    for dialect, events in EVENTS.items()
    for count in range(FIRST[dialect], len(events) + 1)
]


def sse(events: Events) -> bytes:
    lines = []
    for event in events:
        name = f"event: {event['type']}\n" if isinstance(event, dict) and "type" in event else ""
        lines.append(f"{name}data: {event if isinstance(event, str) else json.dumps(event)}\n\n")
    return "".join(lines).encode()


def last_event(text: str) -> Any:
    data = text.rstrip().rpartition("data: ")[2]
    return data if data == "[DONE]" else json.loads(data)


def stream(folder: Path, path: str, dialect: str, count: int) -> tuple[Any, Record, int]:
    """Return last event and record of a stream of `count` events, and the status of the next request."""
    with FakeProvider() as provider:
        body = sse(EVENTS[dialect][:count])
        provider.script("m", FakeResponse(body=body, content_type="text/event-stream"))
        row = f'  own: {{base_url: "{provider.base_url}", local: true, dialect: {dialect}}}'
        (folder / "own.yaml").write_text(f"providers:\n{row}\n")
        keys = [("own", "sk-0123456789abcdef")]
        services = build_services(folder, provider, keys=keys, providers_file=folder / "own.yaml")

        async def scenario(client: httpx.AsyncClient) -> tuple[Any, Record, int]:
            headers = bearer(await issue_key(services, parallel=1))
            request = {"model": "own/m", "stream": True, **BODIES[path]}
            response = await client.post(path, json=request, headers=headers)
            assert response.status_code == 200, response.text
            record = await only_record(services)
            again = await client.post(path, json=request, headers=headers)
            return last_event(response.text), record, again.status_code

        return run_with_client(services, scenario)


@pytest.mark.parametrize(("path", "dialect", "count"), CASES)
def test_a_stream_without_its_end_is_an_error(path: str, dialect: str, count: int, tmp_path: Path) -> None:
    """The client's last event is an error in its own format, the attempt failed, and the call is settled."""
    last, record, next_status = stream(tmp_path, path, dialect, count)

    is_whole = count >= NEEDED[path, dialect]
    assert ("broken" in record.flags) is not is_whole
    assert bool(record.attempts[-1].fault) is not is_whole
    assert is_error(path, last) is not is_whole
    assert next_status == 200  # the reservation of the only allowed concurrent request is released


def is_error(path: str, event: Any) -> bool:
    if path == "/v1/responses":
        return event["type"] in {"error", "response.failed"}
    return isinstance(event, dict) and "error" in event and event.get("type") == ERROR_TYPES[path]
