"""Rendered requests are stable to the byte, because providers key their caches on the bytes."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any, cast

import pytest

from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.dialects import DIALECTS, load_dialect
from vaultcore.wire import ChatRequest

KEYS = ("zone", "at", "when", "city")
SCHEMA = {"type": "object", "properties": {key: {"type": "string"} for key in KEYS}, "required": list(KEYS)}


def request(*names: str) -> ChatRequest:
    tools = [
        {"type": "function", "function": {"name": name, "description": name, "parameters": SCHEMA}}
        for name in names
    ]
    return cast(ChatRequest, {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "tools": tools})


def render_text(name: str, *tools: str) -> str:
    row = Provider("acme", "https://api.example.test/v1", title="Acme", dialect=name)
    target = Target(row, Model("model", capabilities=Capabilities(), dialect=name))
    return json.dumps(load_dialect(name).render_request(request(*tools), target).body)


def positions(text: str, terms: Any) -> list[int]:
    return [text.index(json.dumps(word)) for word in terms]


@pytest.mark.parametrize("names", [*permutations(("wind", "rain", "sun"))], ids="-".join)
@pytest.mark.parametrize("name", DIALECTS)
def test_x11_tools_keep_the_clients_order(name: str, names: tuple[str, ...]) -> None:
    """Tools and the fields of their parameters keep the client's order."""
    text = render_text(name, *names)

    assert positions(text, names) == sorted(positions(text, names))
    assert positions(text, KEYS) == sorted(positions(text, KEYS))


@pytest.mark.parametrize("name", DIALECTS)
def test_x29_rendering_is_deterministic(name: str) -> None:
    """The same request gives the same bytes: they contain no time and no random value."""
    assert len({render_text(name, "wind", "rain") for _ in range(3)}) == 1
