"""Malformed requests, responses and streams raise only the documented errors.

FUZZ in the environment is the number of malformed inputs per test and dialect; `make fuzz` sets 10,000.
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
from vaultcore.dialects import DIALECTS, StreamFault, load_dialect
from vaultcore.errors import InvalidRequest
from vaultcore.streams import Stage, sse
from vaultcore.upstream.provider_request import render
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
CAPABILITIES = [
    Capabilities(),
    Capabilities(structured_output=True, thinking="budget", prefill=False, mid_conversation_system=True),
    Capabilities(structured_output=False, thinking="adaptive", sampling_params=False, tools=True),
    Capabilities(tools=False, vision=False, thinking="none", prefill=True),
]
DROP = frozenset({"messages.name", "n", "seed"})


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    match value:
        case dict():
            inner = value.items()
        case list():
            inner = enumerate(value)
        case _:
            return [path]
    return [path, *(place for key, item in inner for place in paths(item, (*path, key)))]


def mutate(value: Any, chance: random.Random) -> Any:
    """Return the value with junk at some paths, or without them."""
    whole = [json.loads(json.dumps(value))]
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        path = (0, *chance.choice(paths(whole[0])))
        holder: Any = whole
        for key in path[:-1]:
            holder = holder[key]
        if isinstance(holder, dict) and chance.random() < 0.25:
            del holder[path[-1]]
        else:
            holder[path[-1]] = copy.deepcopy(chance.choice(JUNK))
    return whole[0]


def tear(raw: bytes, chance: random.Random) -> bytes:
    """Return the bytes with one stretch removed, repeated or replaced."""
    start = chance.randrange(len(raw))
    stretch = raw[start : start + chance.choice((1, 7, 300))]
    noise = chance.choice((b"", stretch * 2, chance.randbytes(len(stretch)), b"\n\n", b"\xff", b"[" * 3_000))
    return raw[:start] + noise + raw[start + len(stretch) :]


def read(decoder: Stage[sse.Event, ChatChunk], events: Iterable[sse.Event]) -> None:
    """Feed a stream to the decoder and its chunks to a client encoder."""
    encoder = chat.encoder({})
    try:
        for chunk in (chunk for event in events for chunk in decoder.feed(event)):
            assert all(type(choice["index"]) is int for choice in chunk["choices"])
            assert all(json.loads(event_out.data)["choices"] is not None for event_out in encoder.feed(chunk))
        list(decoder.close())
    except (ValueError, StreamFault):
        pass


@pytest.mark.parametrize("name", DIALECTS)
def test_requests(name: str) -> None:
    """A malformed request is rendered as JSON or raises InvalidRequest with its param."""
    chance, refused = random.Random(3), list[InvalidRequest]()
    provider = Provider("acme", "https://api.acme.test/v1", dialect=name, drop=DROP)

    for _ in range(COUNT):
        target = Target(
            provider, Model("m", max_output_tokens=9_000, capabilities=chance.choice(CAPABILITIES))
        )
        try:
            checked = chat.parse_request(mutate(chance.choice(seeds.requests()), chance))
            json.dumps(render(target, checked).rendered.body, allow_nan=False).encode()
        except InvalidRequest as error:
            refused.append(error)

    assert all(error.param or str(error).startswith(("the body", "numbers")) for error in refused)


@pytest.mark.parametrize("name", DIALECTS)
def test_answers(name: str) -> None:
    """A malformed response is parsed or raises ValueError or StreamFault."""
    dialect, chance = load_dialect(name), random.Random(1)

    for _ in range(COUNT):
        try:
            completion = dialect.parse_response(mutate(chance.choice(seeds.response_bodies(name)), chance))
        except (ValueError, StreamFault):
            continue
        assert all(choice["message"]["role"] == "assistant" for choice in completion["choices"])
        assert all(choice["finish_reason"] for choice in completion["choices"])
        json.dumps(completion, allow_nan=False)


@pytest.mark.parametrize("name", DIALECTS)
def test_streams(name: str) -> None:
    """A stream with malformed events gives valid chunks or raises ValueError or StreamFault."""
    dialect, chance = load_dialect(name), random.Random(2)
    whole = []
    for raw, framing in seeds.streams(name):
        frames = framing()
        whole.append([*frames.feed(raw), *frames.close()])

    for _ in range(COUNT):
        events = [*chance.choice(whole)]
        for _ in range(chance.choice((1, 1, 3))):
            where = chance.randrange(len(events))
            if events[where].data.startswith("{"):
                data = mutate(json.loads(events[where].data), chance)
                events[where] = sse.Event(json.dumps(data), events[where].name)
        read(dialect.create_decoder(), events)


@pytest.mark.parametrize("name", DIALECTS)
def test_bytes(name: str) -> None:
    """A stream with damaged bytes gives chunks or raises ValueError or StreamFault."""
    dialect, chance = load_dialect(name), random.Random(4)

    for _ in range(COUNT):
        raw, framing = chance.choice(seeds.streams(name))
        frames = framing()
        try:
            events = [*frames.feed(tear(raw, chance)), *frames.close()]
        except ValueError:
            continue
        read(dialect.create_decoder(), events)


@pytest.mark.parametrize("name", DIALECTS)
def test_errors(name: str) -> None:
    """Every error body becomes a message; parse_error raises nothing."""
    dialect, chance = load_dialect(name), random.Random(5)
    seed = json.dumps({"error": {"message": "No.", "type": "x", "code": 7, "details": [{"a": 1}]}}).encode()

    for _ in range(COUNT):
        body = json.dumps(mutate(json.loads(seed), chance)).encode() if chance.random() < 0.5 else seed
        assert isinstance(
            dialect.parse_error(chance.choice((400, 429, 500)), tear(body, chance)).message, str
        )


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    "data", ["[1]", "null", "{", "x" * 99, '"sk-secret"', "[" * 99_999, '{"a":' * 99_999]
)
def test_events_without_an_object(name: str, data: str) -> None:
    """An event that is not a JSON object raises ValueError, which quotes nothing of it."""
    with pytest.raises(ValueError, match="not a JSON object") as caught:
        list(load_dialect(name).create_decoder().feed(sse.Event(data)))

    assert data[:20] not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("field", ["response_format", "tools"])
def test_deep_schemas(name: str, field: str) -> None:
    """A schema nested as deep as a body may be is rendered or rejected as too deep."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(240):
        schema = {"type": "object", "properties": {"p": schema}}
    fields = {
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
        "tools": [{"type": "function", "function": {"name": "n", "parameters": schema}}],
    }
    target = Target(
        Provider("acme", "https://api.acme.test/v1", dialect=name), Model("m", capabilities=CAPABILITIES[1])
    )
    request = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], field: fields[field]}

    try:
        json.dumps(render(target, chat.parse_request(request)).rendered.body)
    except InvalidRequest as error:
        message = str(error)
    else:
        message = ""

    assert not message or message.endswith("the schema is nested too deeply")
