"""A provider that ignores the maximum of output tokens is cut off, for every client API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import bearer, build_services, issue_key, run_with_client, write_overlay
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.limits.account import day_of
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.usage.record import Record

LIMIT = 50  # tokens
WORDS = 2_000  # that the provider sends
TEXT = "word " * WORDS
HI = [{"role": "user", "content": "hi"}]
MAX = {"max_tokens": LIMIT}
CALLS: dict[str, tuple[str, dict[str, Any]]] = {  # path and body, for each way that a stream takes
    "chat": ("/v1/chat/completions", {"model": "fast", "messages": HI, **MAX}),
    "chat with usage": (
        "/v1/chat/completions",
        {"model": "fast", "messages": HI, **MAX, "stream_options": {"include_usage": True}},
    ),
    "chat from Anthropic": ("/v1/chat/completions", {"model": "turned", "messages": HI, **MAX}),
    "messages": ("/v1/messages", {"model": "fast", "messages": HI, **MAX}),
    "messages, forwarded": ("/v1/messages", {"model": "turned", "messages": HI, **MAX}),
    "responses": ("/v1/responses", {"model": "fast", "input": "hi", "max_output_tokens": LIMIT}),
    "responses, forwarded": (
        "/v1/responses",
        {"model": "three/response-fake", "input": "hi", "max_output_tokens": LIMIT},
    ),
}
THREE = '  three: {base_url: "URL", local: true, dialect: responses}\nmodels:\n'  # for the overlay file


def responses_events() -> bytes:
    """Return the stream of a Responses provider that sends all words."""
    start = {"id": "resp_1", "object": "response", "status": "in_progress", "output": [], "model": "m"}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    item = {"id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    part = {"type": "output_text", "text": "", "annotations": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": start},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **place, "part": part},
        *({"type": "response.output_text.delta", **place, "delta": "word "} for _ in range(WORDS)),
        {"type": "response.completed", "response": {**start, "status": "completed"}},
    ]
    numbered = [{**event, "sequence_number": number} for number, event in enumerate(events)]
    return b"".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in numbered)


def run(folder: Path, path: str, body: dict[str, Any], **limits: Any) -> tuple[str, Record, FakeProvider]:
    """Return the text of a streamed response, its record and the provider."""
    with FakeProvider() as provider:
        for model in ("gpt-fake", "claude-fake"):
            provider.script(model, FakeResponse(text=TEXT, usage=(9, WORDS)))
        raw = FakeResponse(body=responses_events(), content_type="text/event-stream")
        provider.script("response-fake", raw)
        file = folder / "own.yaml"
        file.write_text(write_overlay(folder, provider).read_text().replace("models:\n", THREE))
        file.write_text(file.read_text().replace("URL", provider.base_url))
        keys = [(name, f"sk-{name}-0123456789") for name in ("one", "two", "three")]
        services = build_services(folder, provider, keys=keys, providers_file=file)

        async def scenario(client: httpx.AsyncClient) -> tuple[str, Record]:
            headers = bearer(await issue_key(services, **limits))
            response = await client.post(path, json={**body, "stream": True}, headers=headers)
            assert response.status_code == 200, response.text
            return response.text, await only_record(services)

        text, record = run_with_client(services, scenario)
    return text, record, provider


async def only_record(services: Services) -> Record:
    collection = document_types.records_collection(day_of(services.clock.now()))
    (record,) = [Record.unpack(each.body) for each in await services.store.query(collection, limit=9)]
    return record


def parse(text: str) -> list[Any]:
    """Return the data of a stream's events; `[DONE]` stays text."""
    lines = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


@pytest.mark.parametrize("name", CALLS)
def test_output_above_the_reservation_is_cut_off(name: str, tmp_path: Path) -> None:
    """The stream ends early and properly, with the reason `length`; what arrived is charged and flagged."""
    path, body = CALLS[name]

    text, record, _ = run(tmp_path, path, body, tokens=10**7)

    arrived = text.count('word "')
    assert LIMIT < arrived < WORDS / 4
    assert (record.status, record.code) == (200, None)
    assert "cut_off" in record.flags
    assert LIMIT < record.completion_tokens < WORDS / 4
    assert ENDINGS[path](parse(text))


def ends_chat(events: list[Any]) -> bool:
    finished = [event for event in events[:-1] if event["choices"] and event["choices"][0]["finish_reason"]]
    usages = [event["usage"] for event in events[:-1] if event.get("usage")]
    return (
        events[-1] == "[DONE]"
        and [event["choices"][0]["finish_reason"] for event in finished] == ["length"]
        and all(usage["completion_tokens"] > LIMIT for usage in usages)
    )


def ends_message(events: list[Any]) -> bool:
    kinds = [event["type"] for event in events]
    opened, closed = (kinds.count(f"content_block_{end}") for end in ("start", "stop"))
    return (
        kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
        and opened == closed == 1
        and events[-2]["delta"]["stop_reason"] == "max_tokens"
        and events[-2]["usage"]["output_tokens"] > LIMIT
    )


def ends_response(events: list[Any]) -> bool:
    kinds, last = [event["type"] for event in events], events[-1]["response"]
    (item,) = last["output"]
    deltas = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    return (
        kinds[-4:]
        == [
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.incomplete",
        ]
        and [event["sequence_number"] for event in events] == [*range(len(events))]
        and last["incomplete_details"] == {"reason": "max_output_tokens"}
        and (item["status"], item["content"][0]["text"]) == ("incomplete", deltas)
        and last["usage"]["output_tokens"] > LIMIT
    )


ENDINGS = {
    "/v1/chat/completions": ends_chat,
    "/v1/messages": ends_message,
    "/v1/responses": ends_response,
}


@pytest.mark.parametrize("limits", [{}, {"tpm": 10**6}])
def test_a_call_without_a_reservation_is_not_cut_off(limits: dict[str, Any], tmp_path: Path) -> None:
    """Without quota, credits and budget nothing is used up: the response arrives whole."""
    path, body = CALLS["chat"]

    text, record, _ = run(tmp_path, path, body, **limits)

    assert text.count('word "') == WORDS
    assert (record.completion_tokens, record.flags) == (WORDS, ())


def test_a_response_within_its_maximum_is_not_cut_off(tmp_path: Path) -> None:
    """The same response with a sufficient maximum arrives whole and is charged as reported."""
    path, body = CALLS["chat"]

    text, record, _ = run(tmp_path, path, {**body, "max_tokens": WORDS}, tokens=10**7)

    assert text.count('word "') == WORDS
    assert (record.completion_tokens, record.flags) == (WORDS, ())
