"""Nonsense from providers and clients is refused in the few ways that callers expect.

FUZZ sets how many mangled requests, answers, events and raw streams each dialect gets; `make fuzz` 10,000.
"""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Iterable
from typing import Any

import pytest

from tests.fakes import seeds
from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.client_apis import chat
from vaultcore.dialects import NAMES, StreamFault, dialect
from vaultcore.errors import InvalidRequest
from vaultcore.streams import Stage, sse
from vaultcore.upstream.client import render
from vaultcore.wire import ChatChunk

COUNT = int(os.environ.get("FUZZ", "600"))
JUNK = [
    None,
    True,
    0,
    -1,
    1.5,
    1e300,
    "",
    "x",
    "\ud800",
    "\x00",
    [],
    {},
    [None],
    [[]],
    {"": {}},
    ["x", 1],
    {"type": "text"},
]
ABLE = [
    Capabilities(),
    Capabilities(structured_output=True, thinking="budget", prefill=False, mid_conversation_system=True),
    Capabilities(structured_output=False, thinking="adaptive", sampling_params=False, tools=True),
    Capabilities(tools=False, vision=False, thinking="none", prefill=True),
]
DROP = frozenset({"messages.name", "n", "seed"})


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    match value:
        case dict():
            inner = value.items()
        case list():
            inner = enumerate(value)
        case _:
            return [path]
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def mutated(value: Any, chance: random.Random) -> Any:
    """The value with junk in one place or several, or those places gone."""
    whole = [json.loads(json.dumps(value))]
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        path = (0, *chance.choice(places(whole[0])))
        holder: Any = whole
        for key in path[:-1]:
            holder = holder[key]
        if isinstance(holder, dict) and chance.random() < 0.25:
            del holder[path[-1]]
        else:
            holder[path[-1]] = copy.deepcopy(chance.choice(JUNK))
    return whole[0]


def torn(raw: bytes, chance: random.Random) -> bytes:
    """The bytes with one stretch of them gone, said twice, or turned into others."""
    start = chance.randrange(len(raw))
    stretch = raw[start : start + chance.choice((1, 7, 300))]
    noise = chance.choice((b"", stretch * 2, chance.randbytes(len(stretch)), b"\n\n", b"\xff", b"[" * 3_000))
    return raw[:start] + noise + raw[start + len(stretch) :]


def read(machine: Stage[sse.Event, ChatChunk], events: Iterable[sse.Event]) -> None:
    """Feed a stream, and show its chunks to a client."""
    encoder = chat.encoder({})
    try:
        for chunk in (chunk for event in events for chunk in machine.feed(event)):
            assert all(type(choice["index"]) is int for choice in chunk["choices"])
            assert all(json.loads(shown.data)["choices"] is not None for shown in encoder.feed(chunk))
        list(machine.close())
    except (ValueError, StreamFault):
        pass


@pytest.mark.parametrize("name", NAMES)
def test_requests(name: str) -> None:
    """A mangled request is rendered as JSON by every dialect or refused as invalid, naming the param."""
    chance, refused = random.Random(3), list[InvalidRequest]()
    provider = Provider("acme", "https://api.acme.test/v1", dialect=name, drop=DROP)

    for _ in range(COUNT):
        target = Target(provider, Model("m", max_output_tokens=9_000, capabilities=chance.choice(ABLE)))
        try:
            checked = chat.parse_request(mutated(chance.choice(seeds.requests()), chance))
            json.dumps(render(target, checked).rendered.body, allow_nan=False).encode()
        except InvalidRequest as error:
            refused.append(error)

    assert all(error.param or str(error).startswith(("the body", "numbers")) for error in refused)


@pytest.mark.parametrize("name", NAMES)
def test_answers(name: str) -> None:
    """A mangled answer is an answer all the same, or ValueError, or a fault."""
    speak, chance = dialect(name), random.Random(1)

    for _ in range(COUNT):
        try:
            completion = speak.parse_completion(mutated(chance.choice(seeds.answers(name)), chance))
        except (ValueError, StreamFault):
            continue
        assert all(choice["message"]["role"] == "assistant" for choice in completion["choices"])
        assert all(choice["finish_reason"] for choice in completion["choices"])
        json.dumps(completion, allow_nan=False)


@pytest.mark.parametrize("name", NAMES)
def test_streams(name: str) -> None:
    """A stream with mangled events gives chunks that can be encoded, or ValueError, or a fault."""
    speak, chance = dialect(name), random.Random(2)
    whole = []
    for raw, framing in seeds.streams(name):
        frames = framing()
        whole.append([*frames.feed(raw), *frames.close()])

    for _ in range(COUNT):
        events = [*chance.choice(whole)]
        for _ in range(chance.choice((1, 1, 3))):
            where = chance.randrange(len(events))
            if events[where].data.startswith("{"):
                data = mutated(json.loads(events[where].data), chance)
                events[where] = sse.Event(json.dumps(data), events[where].name)
        read(speak.decoder(), events)


@pytest.mark.parametrize("name", NAMES)
def test_bytes(name: str) -> None:
    """A stream whose bytes are torn, lost or strange gives chunks, or ValueError, or a fault."""
    speak, chance = dialect(name), random.Random(4)

    for _ in range(COUNT):
        raw, framing = chance.choice(seeds.streams(name))
        frames = framing()
        try:
            events = [*frames.feed(torn(raw, chance)), *frames.close()]
        except ValueError:
            continue
        read(speak.decoder(), events)


@pytest.mark.parametrize("name", NAMES)
def test_errors(name: str) -> None:
    """What a provider says in an error, whatever it is, becomes a message and no exception."""
    speak, chance = dialect(name), random.Random(5)
    seed = json.dumps({"error": {"message": "No.", "type": "x", "code": 7, "details": [{"a": 1}]}}).encode()

    for _ in range(COUNT):
        body = json.dumps(mutated(json.loads(seed), chance)).encode() if chance.random() < 0.5 else seed
        assert isinstance(speak.parse_error(chance.choice((400, 429, 500)), torn(body, chance)).message, str)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "data", ["[1]", "null", "{", "x" * 99, '"sk-secret"', "[" * 99_999, '{"a":' * 99_999]
)
def test_events_that_are_no_objects(name: str, data: str) -> None:
    """An event that is no JSON object raises ValueError, and quotes nothing of it."""
    with pytest.raises(ValueError, match="not a JSON object") as caught:
        list(dialect(name).decoder().feed(sse.Event(data)))

    assert data[:20] not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["response_format", "tools"])
def test_deep_schemas(name: str, place: str) -> None:
    """A schema nested as deep as a body may be is rendered, or refused as nested too deeply."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(240):
        schema = {"type": "object", "properties": {"p": schema}}
    fields = {
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
        "tools": [{"type": "function", "function": {"name": "n", "parameters": schema}}],
    }
    target = Target(
        Provider("acme", "https://api.acme.test/v1", dialect=name), Model("m", capabilities=ABLE[1])
    )
    asked = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], place: fields[place]}

    try:
        json.dumps(render(target, chat.parse_request(asked)).rendered.body)
    except InvalidRequest as error:
        told = str(error)
    else:
        told = ""

    assert told in {"", "the schema is nested too deeply"}
