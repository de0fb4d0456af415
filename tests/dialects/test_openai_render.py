"""What the golden cases of the OpenAI dialect cannot show: refusals."""

from __future__ import annotations

import pytest

from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.dialects import openai
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest

ASKED: ChatRequest = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "n": 2}


def test_x20_several_answers_are_refused_where_there_is_one() -> None:
    """A provider that gives one answer is not asked for one when the client wants two."""
    target = Target(Provider("acme", "https://api.acme.test/v1", drop=frozenset({"n"})), Model("m"))

    with pytest.raises(InvalidRequest) as caught:
        openai.render_request(ASKED, target)

    assert caught.value.param == "n"


def test_a_rename_gives_way_to_what_is_there() -> None:
    """Two fields of one name become one, and the one that gives way is reported."""
    target = Target(Provider("acme", "https://api.acme.test/v1", rename={"seed": "n"}), Model("m"))
    rendered = openai.render_request({**ASKED, "seed": 1}, target)  # type: ignore[typeddict-unknown-key]  # passes

    assert rendered.body["n"] == 2
    assert [(change.kind, change.path) for change in rendered.changes] == [("dropped", "seed")]


def test_all_of_it_goes_below_the_base_url() -> None:
    """Chat completions are posted to their usual path."""
    assert (
        openai.render_path(ASKED, Target(Provider("a", "https://a.test"), Model("m"))) == "/chat/completions"
    )
