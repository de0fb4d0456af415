"""Fields about tools in requests without tools, and web search where it is not known to work."""

from __future__ import annotations

from typing import Any

import pytest

from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.dialects import load_dialect

TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}
ABOUT_TOOLS = {"tools", "tool_choice", "parallel_tool_calls"}


def render(dialect: str, *, web_search: tuple[str, ...] = (), model: str = "m", **fields: Any) -> Any:
    provider = Provider("acme", "https://api.acme.test/v1", dialect=dialect, web_search=web_search)
    request: Any = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **fields}
    return load_dialect(dialect).render_request(request, Target(provider, Model(model)))


@pytest.mark.parametrize("tools", [{}, {"tools": []}, {"tools": None}], ids=["absent", "empty", "null"])
@pytest.mark.parametrize("choice", ["auto", "none", "required"])
@pytest.mark.parametrize("dialect", ["openai", "mistral", "responses"])
def test_x33_without_tools_nothing_about_them_is_sent(
    dialect: str, choice: str, tools: dict[str, Any]
) -> None:
    """OpenAI rejects each of these fields without tools; a forced call that is lost is reported."""
    rendered = render(dialect, **tools, tool_choice=choice, parallel_tool_calls=False)

    assert rendered.body.keys().isdisjoint(ABOUT_TOOLS)
    assert [change.path for change in rendered.changes if change.lossy] == (
        ["tool_choice"] if choice == "required" else []
    )


@pytest.mark.parametrize("dialect", ["openai", "responses"])
def test_x33_with_tools_the_fields_stay(dialect: str) -> None:
    """With a tool, its settings are sent."""
    body = render(dialect, tools=[TOOL], tool_choice="auto", parallel_tool_calls=False).body

    assert body.keys() >= ABOUT_TOOLS


@pytest.mark.parametrize(
    ("row", "model", "is_sent"),
    [((), "m", False), (("search",), "m", False), (("search",), "m-search-1", True), (("*",), "m", True)],
)
def test_p5_web_search_goes_to_models_that_take_it(
    row: tuple[str, ...], model: str, *, is_sent: bool
) -> None:
    """`web_search_options` is sent to models of the row's `web_search` only, and reported otherwise."""
    rendered = render("openai", web_search=row, model=model, web_search_options={})

    assert ("web_search_options" in rendered.body) is is_sent
    assert ("web_search_options" in [change.path for change in rendered.changes]) is not is_sent
