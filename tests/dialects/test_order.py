"""What caches of providers are keyed on: the same request in the same order, to the byte."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any, cast

import pytest

from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.dialects import NAMES, dialect
from vaultcore.wire import ChatRequest

KEYS = ("zone", "at", "when", "city")
SCHEMA = {"type": "object", "properties": {key: {"type": "string"} for key in KEYS}, "required": list(KEYS)}


def request(*names: str) -> ChatRequest:
    tools = [
        {"type": "function", "function": {"name": name, "description": name, "parameters": SCHEMA}}
        for name in names
    ]
    return cast(ChatRequest, {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "tools": tools})


def sent(name: str, *tools: str) -> str:
    row = Provider("acme", "https://api.example.test/v1", title="Acme", dialect=name)
    target = Target(row, Model("model", capabilities=Capabilities(), dialect=name))
    return json.dumps(dialect(name).render_request(request(*tools), target).body)


def places(text: str, words: Any) -> list[int]:
    return [text.index(json.dumps(word)) for word in words]


@pytest.mark.parametrize("names", [*permutations(("wind", "rain", "sun"))], ids="-".join)
@pytest.mark.parametrize("name", NAMES)
def test_x11_tools_stay_in_the_clients_order(name: str, names: tuple[str, ...]) -> None:
    """Tools, and the fields of their parameters, go in the order in which the client wrote them."""
    text = sent(name, *names)

    assert places(text, names) == sorted(places(text, names))
    assert places(text, KEYS) == sorted(places(text, KEYS))


@pytest.mark.parametrize("name", NAMES)
def test_x29_nothing_is_made_up(name: str) -> None:
    """The same request is the same bytes: nothing of the hour or of chance is in it."""
    assert len({sent(name, "wind", "rain") for _ in range(3)}) == 1
