"""The report of reasoning settings, for every kind of model in the catalog and at `/responses`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change
from vaultcore.dialects.reasoning_report import report_once
from vaultcore.errors import InvalidRequest
from vaultcore.upstream.provider_request import render

CATALOG = load_builtin()
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
BUDGET = {"type": "enabled", "budget_tokens": 31_999}
SETTINGS: list[dict[str, Any]] = [
    {"thinking": {"type": "disabled"}},
    {"thinking": {"type": "disabled"}, "reasoning_effort": "high"},
    {"thinking": BUDGET, "max_tokens": 64_000},
    {"thinking": BUDGET, "max_tokens": 64_000, "reasoning_effort": "low"},
    {"thinking": {"type": "adaptive"}},
    {"thinking": {"type": "adaptive"}, "max_tokens": 1_000},
    {"thinking": {"type": "adaptive"}, "reasoning_effort": "high"},
    {"reasoning_effort": "max"},
    {"reasoning_effort": "none"},
    {"reasoning": {"effort": "high", "summary": "auto"}},
    {"reasoning": {"max_tokens": 5_000}},
]
FORCED = {"tools": [TOOL], "tool_choice": "required"}
SENT = ("reasoning", "reasoning_effort", "thinking", "thinking_budget", "enable_thinking", "output_config")


def targets() -> Iterator[Target]:
    """Yield one model of each kind: by provider, dialect and capabilities; OpenAI's at `/responses`, too."""
    kinds = set()
    for provider in CATALOG.providers.values():
        for name in (*CATALOG.models.ids(provider.name), "unknown-model"):
            model = CATALOG.models.model(provider.name, name)
            kind = (provider.name, model.dialect, repr(model.capabilities))
            if kind not in kinds:
                kinds.add(kind)
                yield Target(provider, model)
                if provider.name == "openai":
                    yield Target(provider, replace(model, dialect="responses"))


TARGETS = list(targets())


def send(target: Target, fields: dict[str, Any]) -> tuple[dict[str, Any], tuple[Change, ...]]:
    request: Any = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **fields}
    rendered = render(target, request).rendered
    return rendered.body, rendered.changes


@pytest.mark.parametrize("fields", SETTINGS, ids=str)
def test_each_setting_is_reported_once(fields: dict[str, Any]) -> None:
    """No setting is both emulated and dropped, or clamped under the name of a field that was dropped."""
    for target in TARGETS:
        for beside in ({}, FORCED):
            try:
                _, changes = send(target, {**fields, **beside})
            except InvalidRequest:
                continue
            paths = [each.path for each in changes if each.path.startswith(("reasoning", "thinking"))]
            assert len(paths) == len(set(paths)), (target.name, changes)


@pytest.mark.parametrize("fields", SETTINGS, ids=str)
def test_t4_no_dialect_sends_reasoning_to_a_model_without_it(fields: dict[str, Any]) -> None:
    """Models that do not reason get no setting, except that Claude accepts disabled thinking."""
    off = {"type": "disabled"}
    for target in TARGETS:
        if target.model.capabilities.thinking == "none":
            body, changes = send(target, fields)
            assert [name for name in SENT if body.get(name) not in (None, off)] == [], target.name
            is_off = "none" in str(fields) or off in fields.values()
            assert is_off or "dropped" in {each.kind for each in changes}, target.name


def test_the_strongest_change_of_a_setting_remains() -> None:
    """Dropped outweighs clamped, which outweighs emulated. All changes of other fields stay."""
    changes = (
        Change("tools", "emulated", "a"),
        Change("thinking.type", "emulated", "b", "adaptive", "medium"),
        Change("thinking.type", "dropped", "d"),
        Change("tools", "dropped", "c"),
        Change("reasoning_effort", "clamped", "e", "max", "high"),
        Change("reasoning_effort", "renamed", "f"),
        Change("thinking.budget_tokens", "emulated", "g"),
        Change("thinking.display", "dropped", "h"),
    )

    assert report_once(changes) == (
        Change("tools", "emulated", "a"),
        Change("tools", "dropped", "c"),
        Change("thinking.type", "dropped", "d", "adaptive"),
        Change("reasoning_effort", "clamped", "e", "max", "high"),
        Change("thinking.budget_tokens", "emulated", "g"),
        Change("thinking.display", "dropped", "h"),
    )


def test_a_dropped_object_includes_its_settings() -> None:
    """If `thinking` is dropped, its budget is not reported as emulated."""
    changes = (
        Change("thinking.budget_tokens", "emulated", "a", 9, "low"),
        Change("thinking", "dropped", "b"),
    )

    assert report_once(changes) == (Change("thinking", "dropped", "b"),)
