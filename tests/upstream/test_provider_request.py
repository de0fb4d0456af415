"""Requests that a model can answer only in another dialect than that of its provider's row."""

from __future__ import annotations

from typing import Any

import pytest

from vaultcore.catalog.load import load
from vaultcore.upstream.provider_request import render

TOOL = {"type": "function", "function": {"name": "look", "parameters": {}}}
FUNCTION = {"name": "look", "parameters": {}}


@pytest.mark.parametrize(
    ("model", "fields", "path"),
    [
        ("gpt-5.4", {"tools": [TOOL], "reasoning_effort": "low"}, "/responses"),
        ("gpt-5.4-2026-03-05", {"tools": [TOOL], "reasoning": {"effort": "low"}}, "/responses"),
        ("gpt-5.6-sol", {"tools": [TOOL]}, "/responses"),
        ("gpt-6.2-sol", {"functions": [FUNCTION]}, "/responses"),
        ("gpt-5.4", {"tools": [TOOL], "reasoning_effort": "none"}, "/chat/completions"),
        ("gpt-5.4", {"tools": [TOOL], "reasoning": {"effort": "none"}}, "/chat/completions"),
        ("gpt-5.4", {"tools": []}, "/chat/completions"),
        ("gpt-5.4", {}, "/chat/completions"),
        ("gpt-4.1", {"tools": [TOOL]}, "/chat/completions"),
        ("gpt-5-pro", {}, "/responses"),
    ],
)
def test_o16_tools_with_reasoning_go_where_the_model_takes_them(
    model: str, fields: dict[str, Any], path: str
) -> None:
    """OpenAI's later models take tools while they reason at /responses only, whatever the client speaks."""
    catalog = load(None, {})
    target = catalog.target(catalog.providers["openai"], model)
    request: Any = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **fields}

    rendered = render(target, request)

    assert (rendered.path, rendered.dialect) == (path, "responses" if path == "/responses" else "openai")
