"""Golden cases of the Responses API, which consist of files: see golden/README.md.

A response repeats parts of the case's request.json, if there is one.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from vaultcore.client_apis import responses
from vaultcore.dialects import report_changes
from vaultcore.errors import InvalidRequest

CASES = sorted(path for path in (Path(__file__).parent / "golden" / "responses").iterdir() if path.is_dir())
STREAM_CASES = [case for case in CASES if (case / "chunks.json").exists()]
BOTH_CASES = [case for case in STREAM_CASES if (case / "completion.json").exists()]
EVENT: Any = TypeAdapter(ResponseStreamEvent)
REQUEST: Any = {"model": "m", "input": "Hi"}


def load(case: Path, name: str) -> Any:
    path = case / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def request(case: Path) -> Any:
    return responses.parse_request(load(case, "request") or REQUEST)


def stream(case: Path) -> list[Any]:
    """Return the payloads of a stream's events, whose names must equal their types."""
    encoder = responses.encoder(request(case))
    chunks = load(case, "chunks")
    events = [*(event for chunk in chunks for event in encoder.feed(chunk)), *encoder.close()]
    payloads = [json.loads(event.data) for event in events]
    assert [event.name for event in events] == [each["type"] for each in payloads]
    return payloads


def outcome(case: Path, name: str) -> Any:
    """Return what the case's inputs give for an expected file."""
    match name:
        case "chat" if (body := load(case, "request")) is not None:
            try:
                parsed = responses.parse_request(body)
            except InvalidRequest as error:
                return {"refused": str(error), "param": error.param, "code": error.code}
            translation = responses.native_request(body, {}).translation_changes()
            changes = [
                f"{each['kind']} {each['path']}: {each['reason']}" for each in report_changes(translation)
            ]
            return {"request": parsed, "changes": changes}
        case "response" if (completion := load(case, "completion")) is not None:
            return responses.render_response(completion, request(case))
        case "events" if load(case, "chunks") is not None:
            return stream(case)
        case _:
            return None


def case_id(case: Path) -> str:
    return case.name


@pytest.mark.parametrize("case", CASES, ids=case_id)
@pytest.mark.parametrize("name", ["chat", "response", "events"])
def test_golden(case: Path, name: str) -> None:
    """The inputs of a case give its expected files."""
    assert outcome(case, name) == load(case, name)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_translation_does_not_change_its_inputs(case: Path) -> None:
    """Translation does not change its inputs, and repeated translations are equal."""
    inputs = {name: load(case, name) for name in ("request", "completion")}
    before = copy.deepcopy(inputs)
    if "refused" in (load(case, "chat") or {}):
        return
    parsed = responses.parse_request(inputs["request"] or REQUEST)
    if inputs["completion"]:
        responses.render_response(inputs["completion"], parsed)

    assert inputs == before
    assert outcome(case, "events") == outcome(case, "events")


@pytest.mark.parametrize("case", STREAM_CASES, ids=case_id)
def test_p6_event_order(case: Path) -> None:
    """Sequence numbers increase by one; every item is added, updated and done with one index and id."""
    events = stream(case)
    items, done, parts = dict[int, str](), set[int](), set[tuple[int, int]]()

    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    assert events[-1]["type"] in {"response.completed", "response.incomplete"}
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    for event in events[2:-1]:
        index = event["output_index"]
        match event["type"].removeprefix("response."):
            case "output_item.added":
                assert index == len(items)
                items[index] = event["item"]["id"]
            case "output_item.done":
                assert event["item"]["id"] == items[index]
                done.add(index)
            case kind:
                assert event["item_id"] == items[index]
                assert index not in done
                part = (index, event.get("content_index", event.get("summary_index", 0)))
                assert ("part.added" in kind) == (part not in parts) or "call" in kind
                parts.add(part)
    assert done == set(items)
    assert [item["id"] for item in events[-1]["response"]["output"]] == list(items.values())


@pytest.mark.parametrize("case", STREAM_CASES, ids=case_id)
def test_p6_events_are_valid_by_openais_types(case: Path) -> None:
    """Every event is valid by OpenAI's SDK, and its accumulator accepts the whole stream."""
    state: Any = ResponseStreamState(input_tools=omit, text_format=omit)
    for event in stream(case):
        state.handle_event(EVENT.validate_python(event))


@pytest.mark.parametrize("case", BOTH_CASES, ids=case_id)
def test_a_stream_equals_the_buffered_response(case: Path) -> None:
    """A stream ends with the buffered response, which is valid by OpenAI's SDK."""
    response = responses.render_response(load(case, "completion"), request(case))

    assert stream(case)[-1]["response"] == response
    assert Response.model_validate(response).id == response["id"]
