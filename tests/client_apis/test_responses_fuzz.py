"""Nonsense from clients of the Responses surface is refused by name; no order of pieces breaks a stream."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.client_apis import responses
from vaultcore.dialects import dialect
from vaultcore.errors import InvalidRequest

GOLDEN = Path(__file__).parent / "golden" / "responses"
JUNK: list[Any] = [None, True, 0, -1, 1.5, 1e300, "", "x", "\ud800", [], {}, [None], [[]], {"": {}}, ["x", 1]]
TARGET = Target(Provider("acme", "https://api.acme.test/v1"), Model("m", capabilities=Capabilities()))
TOP = ("input", "instructions", "the body", "numbers", "the text")


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


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/request.json")), ids=lambda path: path.parent.name)
def test_requests(path: Path) -> None:
    """A mangled request is translated, its losses told and rendered again, or refused with its param."""
    request, chance = json.loads(path.read_text("utf-8")), random.Random(4)

    refused = list[InvalidRequest]()
    for _ in range(400):
        body = mutated(request, chance)
        try:
            asked = responses.parse_request(body)
            lost = responses.verbatim(body, {}).elsewhere()
            for name in ("openai", "responses"):
                json.dumps(dialect(name).render_request(asked, TARGET).body, allow_nan=False)
        except InvalidRequest as error:
            refused.append(error)
        else:
            assert all(change.path and change.reason for change in lost)

    assert all(error.param or str(error).startswith(TOP) for error in refused)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/chunks.json")), ids=lambda path: path.parent.name)
def test_pieces_may_come_in_any_order(path: Path) -> None:
    """Whatever the order of its deltas, a stream's numbers rise and every item that is added is done."""
    chunks, chance = json.loads(path.read_text("utf-8")), random.Random(5)

    for _ in range(30):
        chance.shuffle(chunks)
        encoder = responses.encoder(responses.parse_request({"model": "m", "input": "Hi"}))
        events = [*(event for chunk in chunks for event in encoder.feed(chunk)), *encoder.close()]
        told = [json.loads(event.data) for event in events]
        kinds = [event["type"] for event in told]
        assert [event["sequence_number"] for event in told] == list(range(len(told)))
        assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done")
        assert len(told[-1]["response"]["output"]) == kinds.count("response.output_item.done")
