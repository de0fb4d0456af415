"""Rendering chat completions: errors and paths, which golden cases do not cover."""

from __future__ import annotations

import pytest

from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.dialects import openai
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest

REQUEST: ChatRequest = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "n": 2}


def test_x20_several_choices_are_rejected() -> None:
    """`n` above 1 raises InvalidRequest if the provider returns one choice."""
    target = Target(Provider("acme", "https://api.acme.test/v1", drop=frozenset({"n"})), Model("m"))

    with pytest.raises(InvalidRequest) as caught:
        openai.render_request(REQUEST, target)

    assert caught.value.param == "n"


def test_a_rename_yields_to_an_existing_field() -> None:
    """If a renamed field exists already, the renamed one is dropped and reported."""
    target = Target(Provider("acme", "https://api.acme.test/v1", rename={"seed": "n"}), Model("m"))
    rendered = openai.render_request({**REQUEST, "seed": 1}, target)  # type: ignore[typeddict-unknown-key]  # passes

    assert rendered.body["n"] == 2
    assert [(change.kind, change.path) for change in rendered.changes] == [("dropped", "seed")]


def test_the_path() -> None:
    """Requests go to /chat/completions."""
    assert (
        openai.render_path(REQUEST, Target(Provider("a", "https://a.test"), Model("m")))
        == "/chat/completions"
    )
