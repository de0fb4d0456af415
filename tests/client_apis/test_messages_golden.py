"""Golden cases of the Messages surface: a folder per case, files in and files out, no code.

request.json    -> chat.json     what the hub is asked, and what that cost; named for TRANSLATION's numbers
completion.json -> message.json  what a client is answered
chunks.json     -> events.json   what a client is streamed
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from pydantic import TypeAdapter

from vaultcore.client_apis import messages
from vaultcore.dialects import report

CASES = sorted(path for path in (Path(__file__).parent / "golden" / "messages").iterdir() if path.is_dir())
STREAMED = [case for case in CASES if (case / "chunks.json").exists()]
TWICE = [case for case in STREAMED if (case / "completion.json").exists()]
EVENT: Any = TypeAdapter(RawMessageStreamEvent)
ASKED: Any = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def load(case: Path, name: str) -> Any:
    path = case / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def stream(chunks: list[Any]) -> list[Any]:
    """The events of an answer, each name checked against its own type."""
    encoder = messages.encoder(ASKED)
    events = [*(event for chunk in chunks for event in encoder.feed(chunk)), *encoder.close()]
    told = [json.loads(event.data) for event in events]
    assert [event.name for event in events] == [each["type"] for each in told]
    return told


def outcome(case: Path, name: str) -> Any:
    match name:
        case "chat" if (request := load(case, "request")) is not None:
            lost = messages.native_request(request, {}).elsewhere()
            changes = [f"{each['kind']} {each['path']}: {each['reason']}" for each in report(lost)]
            return {"request": messages.parse_request(request), "changes": changes}
        case "message" if (completion := load(case, "completion")) is not None:
            return messages.render_completion(completion)
        case "events" if (chunks := load(case, "chunks")) is not None:
            return stream(chunks)
        case _:
            return None


def folded(events: list[Any]) -> Any:
    """What Anthropic's own SDK makes of a stream."""
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
    """What a case's files put in comes out as its files say."""
    assert outcome(case, name) == load(case, name)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_given_is_changed(case: Path) -> None:
    """Translating leaves alone what it is given, and says the same each time."""
    given = {name: load(case, name) for name in ("request", "completion", "chunks")}
    before = copy.deepcopy(given)
    told = [
        messages.parse_request(given["request"]) if given["request"] else None,
        messages.render_completion(given["completion"]) if given["completion"] else None,
        stream(given["chunks"]) if given["chunks"] else None,
    ]

    assert given == before
    assert told[2] == (stream(given["chunks"]) if given["chunks"] else None)


@pytest.mark.parametrize("case", STREAMED, ids=lambda case: case.name)
def test_r9_the_grammar_of_events(case: Path) -> None:
    """A message starts and stops once; blocks follow each other without gap or overlap, each in its turn."""
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


@pytest.mark.parametrize("case", TWICE, ids=lambda case: case.name)
def test_a_stream_says_what_the_buffered_answer_says(case: Path) -> None:
    """Anthropic's own SDK puts the events together to the message that is answered at once."""
    message = Message.model_validate(messages.render_completion(load(case, "completion"))).to_dict()

    assert folded(stream(load(case, "chunks"))) == message
