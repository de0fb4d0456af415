"""Nonsense from providers and clients is refused in the few ways that callers expect."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.dialects import StreamFault, dialect
from vaultcore.errors import InvalidRequest
from vaultcore.streams import sse
from vaultcore.surfaces import chat

GOLDEN = Path(__file__).parent / "golden"
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
]


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
    """The value with junk in one place, or that place gone."""
    whole = [json.loads(json.dumps(value))]
    path = (0, *chance.choice(places(whole[0])))
    holder: Any = whole
    for key in path[:-1]:
        holder = holder[key]
    if isinstance(holder, dict) and chance.random() < 0.25:
        del holder[path[-1]]
    else:
        holder[path[-1]] = chance.choice(JUNK)
    return whole[0]


def inputs(pattern: str) -> list[Path]:
    return sorted(GOLDEN.glob(f"*/*/{pattern}"))


@pytest.mark.parametrize("path", inputs("answer.json"), ids=lambda path: path.parent.name)
def test_answers(path: Path) -> None:
    """A mangled answer is an answer all the same, or ValueError, or a fault."""
    speak, answer, chance = dialect(path.parts[-3]), json.loads(path.read_text("utf-8")), random.Random(1)

    for _ in range(300):
        try:
            completion = speak.parse_completion(mutated(answer, chance))
        except (ValueError, StreamFault):
            continue
        assert all(choice["message"]["role"] == "assistant" for choice in completion["choices"])
        assert all(choice["finish_reason"] for choice in completion["choices"])


@pytest.mark.parametrize("path", inputs("stream.sse"), ids=lambda path: path.parent.name)
def test_streams(path: Path) -> None:
    """A mangled stream gives chunks that can be encoded, or ValueError, or a fault."""
    speak, chance, decoder = dialect(path.parts[-3]), random.Random(2), sse.Decoder()
    events = [*decoder.feed(path.read_bytes()), *decoder.close()]

    for _ in range(150):
        machine, encoder, mangled = speak.decoder(), chat.encoder({}), [*events]
        where = chance.randrange(len(events))
        if events[where].data.startswith("{"):
            data = mutated(json.loads(events[where].data), chance)
            mangled[where] = sse.Event(json.dumps(data), events[where].name)
        try:
            for chunk in (chunk for event in mangled for chunk in machine.feed(event)):
                assert all(type(choice["index"]) is int for choice in chunk["choices"])
                assert all(json.loads(shown.data)["choices"] is not None for shown in encoder.feed(chunk))
            list(machine.close())
        except (ValueError, StreamFault):
            continue


@pytest.mark.parametrize("path", inputs("request.json"), ids=lambda path: path.parent.name)
def test_requests(path: Path) -> None:
    """A mangled request is rendered as JSON by every dialect or refused as invalid, naming the param."""
    request, chance = json.loads(path.read_text("utf-8")), random.Random(3)
    provider = Provider("acme", "https://api.acme.test/v1", drop=frozenset({"messages.name", "n", "seed"}))

    refused = list[InvalidRequest]()
    for _ in range(300):
        target = Target(provider, Model("m", capabilities=chance.choice(ABLE)))
        try:
            checked = chat.parse_request(mutated(request, chance))
            for name in ("openai", "anthropic"):
                json.dumps(dialect(name).render_request(checked, target).body, allow_nan=False)
        except InvalidRequest as error:
            refused.append(error)

    assert all(error.param or str(error).startswith(("the body", "numbers")) for error in refused)


@pytest.mark.parametrize("name", ["openai", "anthropic"])
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


def test_deep_schemas() -> None:
    """A schema nested as deep as a body may be is rendered, or refused as nested too deeply."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(240):
        schema = {"type": "object", "properties": {"p": schema}}
    asked = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    shape = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    target = Target(Provider("acme", "https://api.acme.test/v1"), Model("m", capabilities=ABLE[1]))
    request = chat.parse_request({**asked, "response_format": shape})

    try:
        dialect("anthropic").render_request(request, target)
    except InvalidRequest as error:
        told = str(error)
    else:
        told = ""

    assert told in {"", "the schema is nested too deeply"}
