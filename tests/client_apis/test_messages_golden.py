"""Golden cases of the Messages API, which consist of files: see golden/README.md."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from pydantic import TypeAdapter

from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.client_apis import messages
from vaultcore.dialects import report_changes

CASES = sorted(path for path in (Path(__file__).parent / "golden" / "messages").iterdir() if path.is_dir())
STREAM_CASES = [case for case in CASES if (case / "chunks.json").exists()]
BOTH_CASES = [case for case in STREAM_CASES if (case / "completion.json").exists()]
EVENT: Any = TypeAdapter(RawMessageStreamEvent)
TARGET = Target(Provider("acme", "https://api.acme.test/v1", reasoning="effort"), Model("m"))
REQUEST: Any = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def load(case: Path, name: str) -> Any:
    path = case / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def stream(chunks: list[Any]) -> list[Any]:
    """Return the payloads of a stream's events, whose names must equal their types."""
    encoder = messages.encoder(REQUEST)
    events = [*(event for chunk in chunks for event in encoder.feed(chunk)), *encoder.close()]
    payloads = [json.loads(event.data) for event in events]
    assert [event.name for event in events] == [each["type"] for each in payloads]
    return payloads


def outcome(case: Path, name: str) -> Any:
    """Return what the case's inputs give for an expected file."""
    match name:
        case "chat" if (request := load(case, "request")) is not None:
            chat = messages.parse_request(request)
            translation = messages.native_request(request, {}).translated(chat, TARGET)
            changes = [
                f"{each['kind']} {each['path']}: {each['reason']}"
                for each in report_changes(translation.changes)
            ]
            return {"request": translation.request, "changes": changes}
        case "message" if (completion := load(case, "completion")) is not None:
            return messages.render_completion(completion)
        case "events" if (chunks := load(case, "chunks")) is not None:
            return stream(chunks)
        case _:
            return None


def accumulate(events: list[Any]) -> Any:
    """Return the message that Anthropic's SDK accumulates from a stream."""
    snapshot, buffers = None, dict[int, bytes]()
    for event in events:
        if event["type"] != "ping":
            parsed = EVENT.validate_python(event)
            snapshot = accumulate_event(event=parsed, current_snapshot=snapshot, json_bufs=buffers)
    assert snapshot is not None
    return snapshot.to_dict()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("name", ["chat", "message", "events"])
def test_golden(case: Path, name: str) -> None:
    """The inputs of a case give its expected files."""
    assert outcome(case, name) == load(case, name)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_translation_does_not_change_its_inputs(case: Path) -> None:
    """Translation does not change its inputs, and repeated translations are equal."""
    inputs = {name: load(case, name) for name in ("request", "completion", "chunks")}
    before = copy.deepcopy(inputs)
    if inputs["request"]:
        messages.parse_request(inputs["request"])
    if inputs["completion"]:
        messages.render_completion(inputs["completion"])
    events = stream(inputs["chunks"]) if inputs["chunks"] else None

    assert inputs == before
    assert events == (stream(inputs["chunks"]) if inputs["chunks"] else None)


@pytest.mark.parametrize("case", STREAM_CASES, ids=lambda case: case.name)
def test_r9_event_order(case: Path) -> None:
    """A message starts and stops once; its blocks follow each other without gap or overlap."""
    events = [event for event in stream(load(case, "chunks")) if event["type"] != "ping"]
    kinds, open_index, index = [event["type"] for event in events], None, 0

    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    for event in events[1:-2]:
        match event["type"]:
            case "content_block_start":
                assert (open_index, event["index"]) == (None, index)
                open_index = index
            case "content_block_delta":
                assert event["index"] == open_index
            case "content_block_stop":
                assert event["index"] == open_index
                open_index, index = None, index + 1
            case other:
                raise AssertionError(other)
    assert open_index is None


@pytest.mark.parametrize("case", BOTH_CASES, ids=lambda case: case.name)
def test_a_stream_equals_the_buffered_response(case: Path) -> None:
    """Anthropic's SDK accumulates the events to the buffered message."""
    message = Message.model_validate(messages.render_completion(load(case, "completion"))).to_dict()

    assert accumulate(stream(load(case, "chunks"))) == message
