"""Golden cases of the Responses surface: a folder per case, files in and files out, no code.

request.json    -> chat.json      what the hub is asked, and what that cost; named for TRANSLATION's numbers
completion.json -> response.json  what a client is answered
chunks.json     -> events.json    what a client is streamed

Both answers are to request.json where there is one, because they repeat parts of it.
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
from vaultcore.dialects import report
from vaultcore.errors import InvalidRequest

CASES = sorted(path for path in (Path(__file__).parent / "golden" / "responses").iterdir() if path.is_dir())
STREAMED = [case for case in CASES if (case / "chunks.json").exists()]
TWICE = [case for case in STREAMED if (case / "completion.json").exists()]
EVENT: Any = TypeAdapter(ResponseStreamEvent)
ASKED: Any = {"model": "m", "input": "Hi"}


def load(case: Path, name: str) -> Any:
    path = case / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def request(case: Path) -> Any:
    return responses.parse_request(load(case, "request") or ASKED)


def stream(case: Path) -> list[Any]:
    """The events of an answer, each name checked against its own type."""
    encoder = responses.encoder(request(case))
    chunks = load(case, "chunks")
    events = [*(event for chunk in chunks for event in encoder.feed(chunk)), *encoder.close()]
    told = [json.loads(event.data) for event in events]
    assert [event.name for event in events] == [each["type"] for each in told]
    return told


def outcome(case: Path, name: str) -> Any:
    match name:
        case "chat" if (body := load(case, "request")) is not None:
            try:
                asked = responses.parse_request(body)
            except InvalidRequest as error:
                return {"refused": str(error), "param": error.param, "code": error.code}
            lost = responses.verbatim(body, {}).elsewhere()
            changes = [f"{each['kind']} {each['path']}: {each['reason']}" for each in report(lost)]
            return {"request": asked, "changes": changes}
        case "response" if (completion := load(case, "completion")) is not None:
            return responses.render_answer(completion, request(case))
        case "events" if load(case, "chunks") is not None:
            return stream(case)
        case _:
            return None


def ident(case: Path) -> str:
    return case.name


@pytest.mark.parametrize("case", CASES, ids=ident)
@pytest.mark.parametrize("name", ["chat", "response", "events"])
def test_golden(case: Path, name: str) -> None:
    """What a case's files put in comes out as its files say."""
    assert outcome(case, name) == load(case, name)


@pytest.mark.parametrize("case", CASES, ids=ident)
def test_nothing_given_is_changed(case: Path) -> None:
    """Translating leaves alone what it is given, and says the same each time."""
    given = {name: load(case, name) for name in ("request", "completion")}
    before = copy.deepcopy(given)
    if "refused" in (load(case, "chat") or {}):
        return
    asked = responses.parse_request(given["request"] or ASKED)
    if given["completion"]:
        responses.render_answer(given["completion"], asked)

    assert given == before
    assert outcome(case, "events") == outcome(case, "events")


@pytest.mark.parametrize("case", STREAMED, ids=ident)
def test_p6_the_grammar_of_events(case: Path) -> None:
    """Numbers rise by one; every item is added, fed and done under one index and one id, parts within it."""
    events = stream(case)
    items, done, parts = dict[int, str](), set[int](), set[tuple[int, int]]()

    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    assert events[-1]["type"] in {"response.completed", "response.incomplete"}
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    for event in events[2:-1]:
        place = event["output_index"]
        match event["type"].removeprefix("response."):
            case "output_item.added":
                assert place == len(items)
                items[place] = event["item"]["id"]
            case "output_item.done":
                assert event["item"]["id"] == items[place]
                done.add(place)
            case kind:
                assert event["item_id"] == items[place]
                assert place not in done
                part = (place, event.get("content_index", event.get("summary_index", 0)))
                assert ("part.added" in kind) == (part not in parts) or "call" in kind
                parts.add(part)
    assert done == set(items)
    assert [item["id"] for item in events[-1]["response"]["output"]] == list(items.values())


@pytest.mark.parametrize("case", STREAMED, ids=ident)
def test_p6_openais_own_types_take_the_events(case: Path) -> None:
    """Every event is what OpenAI's SDK has a type for, and its accumulator folds them to the last one."""
    state: Any = ResponseStreamState(input_tools=omit, text_format=omit)
    for event in stream(case):
        state.handle_event(EVENT.validate_python(event))


@pytest.mark.parametrize("case", TWICE, ids=ident)
def test_a_stream_says_what_the_buffered_answer_says(case: Path) -> None:
    """The response at the end of a stream is the one answered at once, and OpenAI's SDK has a type for it."""
    whole = responses.render_answer(load(case, "completion"), request(case))

    assert stream(case)[-1]["response"] == whole
    assert Response.model_validate(whole).id == whole["id"]
