"""Fuzzed requests and shuffled streams of the Responses API."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.client_apis import responses
from vaultcore.dialects import load_dialect
from vaultcore.errors import InvalidRequest

GOLDEN = Path(__file__).parent / "golden" / "responses"
JUNK: list[Any] = [None, True, 0, -1, 1.5, 1e300, "", "x", "\ud800", [], {}, [None], [[]], {"": {}}, ["x", 1]]
TARGET = Target(Provider("acme", "https://api.acme.test/v1"), Model("m", capabilities=Capabilities()))
UNNAMED = (  # beginnings of errors without a parameter
    "input",
    "instructions",
    "the body",
    "numbers",
    "the text",
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: Any
    match value:
        case dict():
            inner = value.items()
        case list():
            inner = enumerate(value)
        case _:
            return [path]
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def mutate(value: Any, generator: random.Random) -> Any:
    """Return the value with junk in one place, or with that place removed."""
    wrapped = [json.loads(json.dumps(value))]
    path = (0, *generator.choice(places(wrapped[0])))
    holder: Any = wrapped
    for key in path[:-1]:
        holder = holder[key]
    if isinstance(holder, dict) and generator.random() < 0.25:
        del holder[path[-1]]
    else:
        holder[path[-1]] = generator.choice(JUNK)
    return wrapped[0]


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/request.json")), ids=lambda path: path.parent.name)
def test_fuzzed_requests(path: Path) -> None:
    """A fuzzed request is translated, with its changes, or rejected with its parameter."""
    request, generator = json.loads(path.read_text("utf-8")), random.Random(4)

    errors = list[InvalidRequest]()
    for _ in range(400):
        body = mutate(request, generator)
        try:
            parsed = responses.parse_request(body)
            changes = responses.native_request(body, {}).translation_changes()
            for name in ("openai", "responses"):
                json.dumps(load_dialect(name).render_request(parsed, TARGET).body, allow_nan=False)
        except InvalidRequest as error:
            errors.append(error)
        else:
            assert all(change.path and change.reason for change in changes)

    assert all(error.param or str(error).startswith(UNNAMED) for error in errors)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/chunks.json")), ids=lambda path: path.parent.name)
def test_chunks_in_any_order(path: Path) -> None:
    """For any order of chunks, sequence numbers increase by one and every added item is done."""
    chunks, generator = json.loads(path.read_text("utf-8")), random.Random(5)

    for _ in range(30):
        generator.shuffle(chunks)
        encoder = responses.encoder(responses.parse_request({"model": "m", "input": "Hi"}))
        events = [*(event for chunk in chunks for event in encoder.feed(chunk)), *encoder.close()]
        payloads = [json.loads(event.data) for event in events]
        kinds = [event["type"] for event in payloads]
        assert [event["sequence_number"] for event in payloads] == list(range(len(payloads)))
        assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done")
        assert len(payloads[-1]["response"]["output"]) == kinds.count("response.output_item.done")
