"""Efforts and switches of providers, as their rows describe them, for models that no table lists."""

from __future__ import annotations

from typing import Any

import pytest

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.load import load_builtin
from vaultcore.upstream.provider_request import render

Json = dict[str, Any]
OFF: Json = {"thinking": {"type": "disabled"}}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_builtin()


def reasoning_fields(catalog: Catalog, model: str, fields: Json) -> Json:
    """Return the fields about reasoning that the provider receives."""
    request: Any = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **fields}
    name, _, rest = model.partition("/")
    provider = catalog.provider(name)
    assert provider is not None
    target = catalog.target(provider, rest)
    body = render(target, request).rendered.body
    return {name: body[name] for name in ("reasoning_effort", "reasoning", "thinking") if name in body}


@pytest.mark.parametrize("effort", ["xhigh", "max"])
@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("cerebras/gpt-oss-120b", {"reasoning_effort": "high"}),
        ("groq/qwen/qwen3-32b", {"reasoning_effort": "default"}),
        ("groq/openai/gpt-oss-safeguard-20b", {"reasoning_effort": "high"}),
        ("mistral/magistral-medium-latest", {"reasoning_effort": "high"}),
        ("minimax/MiniMax-M3", {"thinking": {"type": "adaptive"}}),
        ("ollama/gpt-oss:20b", {"reasoning_effort": "high"}),
        ("together/openai/gpt-oss-120b", {"reasoning_effort": "high"}),
    ],
)
def test_o2_q4_an_effort_above_the_highest_is_the_highest(
    catalog: Catalog, model: str, sent: Json, effort: str
) -> None:
    """A provider gets the highest level that it documents, or its switch."""
    assert reasoning_fields(catalog, model, {"reasoning_effort": effort}) == sent


@pytest.mark.parametrize("fields", [OFF, {"reasoning_effort": "none"}, {"reasoning": {"enabled": False}}])
@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("cerebras/qwen-3.8-27b", {"reasoning_effort": "none"}),
        ("cerebras/gpt-oss-120b", {"reasoning_effort": "low"}),
        ("groq/qwen/qwen3-32b", {"reasoning_effort": "none"}),
        ("minimax/MiniMax-M3", {"thinking": {"type": "disabled"}}),
        ("ollama/qwen3:8b", {"reasoning_effort": "none"}),
        ("together/Qwen/Qwen3.5-9B", {"reasoning": {"enabled": False}}),
    ],
)
def test_a28_q4_reasoning_is_disabled_in_the_providers_field(
    catalog: Catalog, model: str, sent: Json, fields: Json
) -> None:
    """For each field of a client, the provider gets its own switch, or its lowest effort without one."""
    assert reasoning_fields(catalog, model, fields) == sent
